"""Celery: a task that POSTs to the worker. Runs in Celery's environment."""

from __future__ import annotations

import os

import urllib3
from celery import Celery

URL = os.environ["BENCH_URL"]
app = Celery(broker=os.environ["BENCH_REDIS"])
app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)
pool = urllib3.PoolManager(maxsize=64)


@app.task
def post(body: str) -> None:
    pool.request("POST", URL, body=body.encode(), headers={"Content-Type": "application/json"})


def enqueue(body: str) -> None:
    post.delay(body)
