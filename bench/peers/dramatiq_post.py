"""Dramatiq: an actor that POSTs to the worker. Runs in Dramatiq's environment."""

from __future__ import annotations

import os

import dramatiq
import urllib3
from dramatiq.brokers.redis import RedisBroker

URL = os.environ["BENCH_URL"]
dramatiq.set_broker(RedisBroker(url=os.environ["BENCH_REDIS"]))
pool = urllib3.PoolManager(maxsize=64)


@dramatiq.actor
def post(body: str) -> None:
    pool.request("POST", URL, body=body.encode(), headers={"Content-Type": "application/json"})


def enqueue(body: str) -> None:
    post.send(body)
