"""Where a server lets tasks go, by where it listens and by its rules, and what a refused task says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.calls import RawGrpc
from tests.end_to_end.stage import Stage
from tests.running import KumoProcess, RecordingWorker, running

ANYWHERE = ("--host", "0.0.0.0", "--auth-off-anywhere")
LOOPBACK = "is refused by the egress policy: loopback addresses are not allowed without a rule"
PRIVATE = "is refused by the egress policy: private addresses are not allowed without a rule"
Staging = Callable[..., Stage]


@contextmanager
def client_of(process: KumoProcess) -> Iterator[RawGrpc]:
    client = RawGrpc(process.address)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def staging(tmp_path: Path, worker: RecordingWorker) -> Iterator[Staging]:
    """Starts a server with options and a [egress] table, and puts a queue on it."""
    with ExitStack() as stack:

        def start(*options: str, egress: str = "") -> Stage:
            config = tmp_path / "kumo.toml"
            config.write_text(f"[egress]\n{egress}\n")
            process = stack.enter_context(running(tmp_path, "--clock", "manual", "--config", str(config), *options))
            stage = Stage(process, stack.enter_context(client_of(process)), worker, "q")
            stage.retries(minBackoff="3600s")
            return stage

        yield start


def status(stage: Stage, url: str) -> str:
    """What the first attempt on a task for `url` left behind."""
    name = stage.call("CreateTask", parent=stage.queue, task={"httpRequest": {"url": url}})["name"]
    stage.settle()
    return str(stage.call("GetTask", name=name)["lastAttempt"]["responseStatus"]["message"])


def test_a_server_for_everybody_sends_nothing_into_its_own_machine_or_network(staging: Staging) -> None:
    stage = staging(*ANYWHERE)
    assert status(stage, stage.worker.url) == f"PERMISSION_DENIED(7): 127.0.0.1 (127.0.0.1) {LOOPBACK}"
    assert status(stage, "http://0xa000001/") == f"PERMISSION_DENIED(7): 0xa000001 (10.0.0.1) {PRIVATE}"
    assert status(stage, "http://[::ffff:192.168.0.1]/").endswith(PRIVATE)
    assert status(stage, "http://169.254.169.254/").endswith("metadata services are always refused")
    assert stage.worker.arrivals == []


def test_its_rules_let_through_what_they_name_in_their_order(staging: Staging) -> None:
    stage = staging(
        *ANYWHERE, egress='rules = ["deny localhost", "allow 127.0.0.1", "deny 10.0.0.0/8", "allow *.in.test"]'
    )
    port = stage.worker.url.rpartition(":")[2]
    stage.create()
    stage.settle()
    assert len(stage.worker.arrivals) == 1
    assert status(stage, f"http://localhost:{port}/").endswith("denied by the rule localhost")
    assert status(stage, "http://10.0.0.1/").endswith("denied by the rule 10.0.0.0/8")
    assert status(stage, "http://192.168.0.1/").endswith(PRIVATE)
    assert len(stage.worker.arrivals) == 1


def test_a_server_on_loopback_sends_to_loopback_and_by_its_rules_not_everywhere(staging: Staging) -> None:
    stage = staging(egress='private = false\ndeny = ["*.localhost"]')
    stage.create()
    stage.settle()
    assert len(stage.worker.arrivals) == 1
    assert status(stage, "http://10.0.0.1/").endswith(PRIVATE)
    assert status(stage, "http://a.localhost/").endswith("denied by the rule *.localhost")


def test_a_rule_that_cannot_be_read_stops_the_start_in_a_sentence(staging: Staging, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"the egress rule '10\.\*' is not understood: a range of addresses"):
        staging(egress='deny = ["10.*"]')
