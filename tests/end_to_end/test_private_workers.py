"""Private workers of a real server: what becomes of their processes when the server ends, however it ends."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import KumoProcess, running
from tests.workers.living import PROGRAM, lives

SERVICES = "/v2/projects/p/locations/us-central1/services"
HOST = "worker-287605153049.us-central1.run.app"
CONFIG = f"""
[images]
"worker" = {{ command = ["{sys.executable}", "-S", "{PROGRAM}"] }}
"""


@pytest.fixture
def kumo(tmp_path: Path) -> Iterator[KumoProcess]:
    config = tmp_path / "kumo.toml"
    config.write_text(CONFIG)
    with running(tmp_path, "--config", str(config)) as process:
        yield process


def deploy(kumo: KumoProcess, **env: str) -> None:
    """A service that everybody may call, ready."""
    listed = [{"name": name, "value": value} for name, value in env.items()]
    template = {"containers": [{"image": "worker", "env": listed}], "scaling": {"minInstanceCount": 2}}
    asked = {"template": template, "invokerIamDisabled": True}
    status, operation = kumo.http("POST", f"{SERVICES}?serviceId=worker", asked)
    assert status == 200, operation
    _, done = kumo.http("POST", f"/v2/{operation['name']}:wait", {"timeout": "30s"})
    assert done.get("done") is True, done
    assert "error" not in done


def ask(kumo: KumoProcess) -> dict[str, Any]:
    request = urllib.request.Request(f"http://{kumo.address}/", headers={"Host": HOST})
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Of the end of a process that is nobody's child here there is no event."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def descendants(pid: int) -> set[int]:
    """Every process below one, those that left its session included."""
    found = set[int]()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found |= {child} | descendants(child)
    return found


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")


def test_kill_9_of_the_server_leaves_no_orphan(kumo: KumoProcess) -> None:
    deploy(kumo, CHILD="1")
    told = ask(kumo)
    until(lambda: len(descendants(kumo.pid)) >= 5)  # the warden, two instances, and a child of each
    family = descendants(kumo.pid)
    assert {told["pid"], told["child"]} < family
    kumo.kill()
    until(lambda: not any(map(lives, family)))


def test_whoever_does_not_hear_sigterm_goes_ten_seconds_later(kumo: KumoProcess) -> None:
    deploy(kumo, CHILD="1", STUBBORN="1")
    family = descendants(kumo.pid)
    kumo.kill()
    until(lambda: not any(map(lives, family)))


def test_a_stop_of_the_server_ends_its_instances_first(kumo: KumoProcess) -> None:
    deploy(kumo, CHILD="1")
    family = descendants(kumo.pid)
    assert kumo.stop() == 0
    assert not any(map(lives, family))
    assert "asked to end" in kumo_log(kumo)


def kumo_log(kumo: KumoProcess) -> str:
    """What instances wrote, read after the next start."""
    kumo.start()
    _, found = kumo.http("POST", "/v2/entries:list", {"resourceNames": ["projects/p"], "pageSize": 1000})
    return json.dumps(found)


def test_services_are_there_again_after_a_crash(kumo: KumoProcess) -> None:
    deploy(kumo)
    first = ask(kumo)["pid"]
    kumo.kill()
    kumo.start()
    assert ask(kumo)["pid"] != first
    until(lambda: not lives(first))


def test_a_task_reaches_its_worker_with_neither_a_name_looked_up_nor_tls(kumo: KumoProcess) -> None:
    deploy(kumo)
    queue = "projects/p/locations/us-central1/queues/q"
    kumo.http("POST", "/v2/projects/p/locations/us-central1/queues", {"name": queue})
    status, _ = kumo.http("POST", f"/v2/{queue}/tasks", {"task": {"httpRequest": {"url": f"https://{HOST}/do"}}})
    assert status == 200
    kumo.wait_idle()
    _, left = kumo.http("GET", f"/v2/{queue}/tasks")
    assert left == {}
    _, found = kumo.http(
        "POST", "/v2/entries:list", {"resourceNames": ["projects/p"], "filter": 'log_id("run.googleapis.com/requests")'}
    )
    requests: Any = found["entries"]
    assert [each["httpRequest"]["requestUrl"] for each in requests] == [f"https://{HOST}/do"]
    assert requests[0]["httpRequest"]["userAgent"] == "Google-Cloud-Tasks"
