"""The answer to a creation waits for the disk, seen from outside: the server under strace.

kill -9 cannot show this, for what a dead process wrote is still in the kernel's memory; only a power cut would lose it.
So the system calls are read: between a request and its answer there must be a write of the task to the store's log and
then a sync of that log that has ended well.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from google.cloud import tasks_v2

from tests.running import KumoProcess, missing

LOCATION = "projects/p/locations/us-central1"
QUEUE = f"{LOCATION}/queues/durable"
CREATIONS = 20
CALLS = "read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync"
_LINE = re.compile(
    r"(?P<pid>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\()(?P<rest>.*)", re.DOTALL | re.ASCII
)


@dataclass(slots=True)
class SystemCall:
    """One call: where in the trace it began and ended, the file it was about, what it said, what it came to."""

    name: str
    text: str
    began: int
    ended: int = -1
    result: str = ""

    @property
    def syncs_log(self) -> bool:
        return self.name in ("fsync", "fdatasync") and "kumo.db-wal>" in self.text and self.result == "0"

    @property
    def writes_log(self) -> bool:
        return self.name in ("pwrite64", "pwritev", "write") and "kumo.db-wal>" in self.text

    @property
    def reads(self) -> bool:
        return self.name in ("read", "readv", "recvfrom", "recvmsg")

    @property
    def writes_socket(self) -> bool:
        return self.name in ("write", "writev", "sendto", "sendmsg") and "<TCP" in self.text


class Trace:
    """What strace says, read from a pipe until it ends."""

    def __init__(self, directory: Path) -> None:
        self.pipe = directory / "strace"
        os.mkfifo(self.pipe)
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def command(self) -> tuple[str, ...]:
        return ("strace", "-D", "-f", "-yy", "-s", "20000", "-e", f"trace={CALLS}", "-o", str(self.pipe))

    def calls(self) -> list[SystemCall]:
        """Every call, in the order of its beginning, once the server has ended."""
        self._thread.join(60)
        calls: list[SystemCall] = []
        unfinished: dict[str, SystemCall] = {}
        for place, line in enumerate(self._lines):
            found = _LINE.match(line)
            if found is None:
                continue
            if found["resumed"]:
                call = unfinished.pop(found["pid"])
                call.text += found["rest"]
            else:
                call = SystemCall(found["call"], found["rest"], began=place)
                calls.append(call)
            if line.rstrip().endswith("<unfinished ...>"):
                unfinished[found["pid"]] = call
            else:
                call.ended, call.result = place, line.rpartition(" = ")[2].strip()
        return calls

    def _read(self) -> None:
        with self.pipe.open(errors="replace") as lines:
            self._lines = list(lines)


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    if shutil.which("strace") is None:
        pytest.skip(missing("strace"))
    return Trace(tmp_path)


@pytest.fixture
def server(tmp_path: Path, trace: Trace) -> Iterator[KumoProcess]:
    process = KumoProcess(tmp_path, prefix=trace.command())
    process.start()
    status, _ = process.http("POST", f"/v2/{LOCATION}/queues", {"name": QUEUE})
    assert status == 200
    assert process.http("POST", f"/v2/{QUEUE}:pause", {})[0] == 200
    yield process
    process.close()


def test_a_creation_over_rest_is_answered_after_the_log_is_on_the_disk(server: KumoProcess, trace: Trace) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for name in names():
        connection.request("POST", f"/v2/{QUEUE}/tasks", json.dumps({"task": task(name)}))
        answer = connection.getresponse()
        assert (answer.status, name in answer.read().decode()) == (200, True)
    connection.close()
    assert server.stop() == 0
    assert_synced_before_answered(trace.calls())


def test_a_creation_over_grpc_is_answered_after_the_log_is_on_the_disk(server: KumoProcess, trace: Trace) -> None:
    with grpc.insecure_channel(server.address) as channel:
        create = channel.unary_unary(
            "/google.cloud.tasks.v2.CloudTasks/CreateTask",
            request_serializer=tasks_v2.CreateTaskRequest.serialize,
            response_deserializer=tasks_v2.Task.deserialize,
        )
        for name in names():
            create(tasks_v2.CreateTaskRequest(parent=QUEUE, task=tasks_v2.Task(name=task(name)["name"], **target())))
    assert server.stop() == 0
    assert_synced_before_answered(trace.calls())


def assert_synced_before_answered(calls: list[SystemCall]) -> None:
    for name in names():
        asked = next(call for call in calls if call.reads and name in call.text)
        answered = next(call for call in calls if call.writes_socket and name in call.text and call.began > asked.ended)
        written = [call for call in calls if call.writes_log and asked.ended < call.began < answered.began]
        assert any(name in call.text for call in written), f"{name} was answered before it was written to the log"
        synced = [
            call
            for call in calls
            if call.syncs_log and call.began > max(each.ended for each in written) and call.ended < answered.began
        ]
        assert synced, f"{name} was answered before the log was on the disk"


def names() -> list[str]:
    return [f"durable-{number:03d}-end" for number in range(CREATIONS)]


def task(name: str) -> dict[str, object]:
    return {"name": f"{QUEUE}/tasks/{name}", "httpRequest": {"url": "http://127.0.0.1:9/"}}


def target() -> dict[str, object]:
    return {"http_request": tasks_v2.HttpRequest(url="http://127.0.0.1:9/")}
