"""What a task's headers, URL and overrides cannot do: add lines, forge who sends, or say where it goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.realm import ALPHA, Person, Realm, queue_of, request
from tests.attacks.wire import HEAD_END, WireWorker, fields_of
from tests.calls import Json

FORGED = "Bearer forged"
INJECTED = "x\r\nInjected: yes"


@pytest.fixture
def wire() -> Iterator[WireWorker]:
    worker = WireWorker()
    yield worker
    worker.close()


@pytest.fixture(scope="module")
def queue(realm: Realm) -> str:
    return realm.queue(ALPHA, "headers")


def created(realm: Realm, ann: Person, queue: str, **http_request: object) -> str:
    """The status of CreateTask, the same over gRPC and REST; each makes a task if it is OK."""
    return realm.both("CreateTask", {"parent": queue, "task": {"httpRequest": http_request}}, ann.token())


def names_of(heard: bytes) -> list[str]:
    return [name for name, _ in fields_of(heard)]


BROKEN = [
    {"X-Own": "a\r\nInjected: yes"},
    {"X-Own": "a\nInjected: yes"},
    {"X-Own": "a\rInjected: yes"},
    {"X-Own": "a\0"},
    {"X-Own": "a\r\n\r\nGET /second HTTP/1.1\r\nHost: x"},
    {"X-Own\r\nInjected": "yes"},
    {"X-Own: a\r\nInjected": "yes"},
    {"X-Own:": "a"},
    {" X-Own": "a"},
    {"X Own": "a"},
    {"": "a"},
    {"X-Öwn": "a"},
    {"Authorization": "Bearer a\r\nInjected: yes"},
    {"Transfer-Encoding\r\n": "chunked"},
]


@pytest.mark.parametrize("headers", BROKEN)
def test_a_header_that_breaks_its_line_is_refused(
    realm: Realm, ann: Person, wire: WireWorker, queue: str, headers: Json
) -> None:
    assert created(realm, ann, queue, url=wire.url, headers=headers) == "INVALID_ARGUMENT"
    overrides = [{"header": {"key": name, "value": value}} for name, value in headers.items()]
    update = {"queue": {"name": queue, "httpTarget": {"headerOverrides": overrides}}}
    assert realm.both("UpdateQueue", update, ann.token()) == "INVALID_ARGUMENT"
    assert wire.requests == []


URLS = [
    "{url}/a\r\nInjected: yes",
    "{url}/a HTTP/1.1\r\nInjected: yes\r\n\r\nGET /second",
    "{url}/a\nInjected: yes",
    "{url}/a?b=\r\nInjected: yes",
    "{url}/a\tb",
    "{url}/a\0b",
    "{url}/a#\r\nInjected: yes",
    "{url}/\u010d\u010aInjected: yes",
    "{url}/%0d%0aInjected:%20yes",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_adds_no_line(realm: Realm, ann: Person, wire: WireWorker, queue: str, url: str) -> None:
    if created(realm, ann, queue, url=url.format(url=wire.url)) == "OK":
        for heard in wire.wait_for(2):
            assert "injected" not in names_of(heard)
            assert heard.count(b"\r\n") == len(fields_of(heard)) + 2
            assert heard.endswith(HEAD_END)
            assert heard.startswith(b"POST /")
            assert dict(fields_of(heard))["host"] == wire.address


HOSTS = [
    "http://{address}\r\nInjected: yes/",
    "http://{address}\\@evil.example/",
    "http://{address} evil.example/",
    "http://evil.example\r\nHost: {address}/",
    "http://user:pass\r\nInjected: yes@{address}/",
]


@pytest.mark.parametrize("url", HOSTS)
def test_a_host_adds_no_line(realm: Realm, ann: Person, wire: WireWorker, queue: str, url: str) -> None:
    status = created(realm, ann, queue, url=url.format(address=wire.address))
    assert created(realm, ann, queue, url=wire.url) == "OK"
    count = 2
    for heard in wire.wait_for(count):
        assert "injected" not in names_of(heard)
        assert names_of(heard).count("host") == 1
        assert dict(fields_of(heard))["host"] == wire.address
    assert status in ("OK", "INVALID_ARGUMENT")
    realm.must("POST", f"/v2/{queue}:purge", {})


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION", "aUTHORIZATION"])
@pytest.mark.parametrize("kind", ["oidcToken", "oauthToken"])
def test_with_a_token_there_is_no_other_authorization(
    realm: Realm, ann: Person, wire: WireWorker, queue: str, name: str, kind: str
) -> None:
    token, headers = {kind: {"serviceAccountEmail": ann.email}}, {name: FORGED, "X-Own": "1"}
    assert created(realm, ann, queue, url=wire.url, headers=headers, **token) == "OK"
    for heard in wire.wait_for(2):
        (sent,) = [value for field, value in fields_of(heard) if field == "authorization"]
        assert sent.startswith("Bearer ya29." if kind == "oauthToken" else "Bearer ey")
        assert FORGED.encode() not in heard


def test_a_queue_with_a_token_has_no_other_authorization_either(realm: Realm, ann: Person, wire: WireWorker) -> None:
    queue = realm.queue(ALPHA, "overridden")
    overrides = [{"header": {"key": name, "value": FORGED}} for name in ("Authorization", "authorization", "X-Own")]
    target = {"oidcToken": {"serviceAccountEmail": ann.email}, "headerOverrides": overrides}
    assert realm.both("UpdateQueue", {"queue": {"name": queue, "httpTarget": target}}, ann.token()) == "OK"
    assert created(realm, ann, queue, url=wire.url, headers={"Authorization": FORGED}) == "OK"
    for heard in wire.wait_for(2):
        (sent,) = [value for field, value in fields_of(heard) if field == "authorization"]
        assert sent.startswith("Bearer ey")
        assert dict(fields_of(heard))["x-own"] == FORGED


SERVICES_OWN = {
    "Host": "evil.example",
    "host": "evil.example",
    "Content-Length": "0",
    "User-Agent": "forged",
    "X-CloudTasks-QueueName": "forged",
    "x-cloudtasks-taskname": "forged",
    "X-CLOUDTASKS-TaskRetryCount": "99",
    "X-CloudTasks-Anything": "forged",
    "X-AppEngine-QueueName": "forged",
    "X-Google-Internal": "forged",
    "Transfer-Encoding": "chunked",
    "transfer-encoding": "identity",
    "Connection": "close, X-CloudTasks-TaskName",
    "TE": "trailers",
    "Upgrade": "h2c",
    "Proxy-Authorization": "Basic forged",
    "Expect": "100-continue",
}


def test_what_the_service_says_is_said_by_nobody_else(realm: Realm, ann: Person, wire: WireWorker, queue: str) -> None:
    assert created(realm, ann, queue, url=f"{wire.url}/", headers=SERVICES_OWN, body="eHh4") == "OK"
    for heard in wire.wait_for(2):
        names = names_of(heard)
        assert len(names) == len(set(names)), names
        fields = dict(fields_of(heard))
        assert (fields["host"], fields["content-length"]) == (wire.address, "3")
        assert fields["user-agent"] == "Google-Cloud-Tasks"
        assert fields["x-cloudtasks-queuename"] == "headers"
        assert fields["x-cloudtasks-taskretrycount"] == "0"
        assert not {"transfer-encoding", "te", "upgrade", "expect", "proxy-authorization"} & set(names)
        assert b"forged" not in heard
        assert heard.endswith(HEAD_END + b"xxx")


def test_a_queues_overrides_forge_nothing_of_the_service(realm: Realm, ann: Person, wire: WireWorker) -> None:
    queue = realm.queue(ALPHA, "forging")
    overrides = [{"header": {"key": name, "value": value}} for name, value in SERVICES_OWN.items()]
    update = {"queue": {"name": queue, "httpTarget": {"headerOverrides": overrides}}}
    assert realm.both("UpdateQueue", update, ann.token()) == "OK"
    assert created(realm, ann, queue, url=wire.url, body="eHh4") == "OK"
    for heard in wire.wait_for(2):
        assert b"forged" not in heard
        assert dict(fields_of(heard))["host"] == wire.address
        assert heard.endswith(HEAD_END + b"xxx")


def test_a_buffered_task_does_not_carry_its_callers_credential(realm: Realm, ann: Person, wire: WireWorker) -> None:
    queue = realm.queue(ALPHA, "buffering")
    host, port = wire.address.split(":")
    override = {"uriOverride": {"scheme": "HTTP", "host": host, "port": port}}
    assert realm.both("UpdateQueue", {"queue": {"name": queue, "httpTarget": override}}, ann.token()) == "OK"
    token = ann.token()
    fields = (f"Authorization: Bearer {token}", "Cookie: secret=1", "Proxy-Authorization: Basic c2VjcmV0", "X-Own: 1",
              "X-CloudTasks-TaskName: forged", "Transfer-Encoding: chunked", "Trailer: X-Late")  # fmt: skip
    head = request(f"/v2/{queue}/tasks:buffer", *fields, verb="POST", close=True)
    assert [status for status, _ in realm.raw(head + b"3\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n")] == [200]
    (heard,) = wire.wait_for(1)
    assert token.encode() not in heard
    assert not {"authorization", "cookie", "proxy-authorization", "transfer-encoding", "trailer"} & set(names_of(heard))
    assert dict(fields_of(heard))["x-own"] == "1"
    assert dict(fields_of(heard))["x-cloudtasks-taskname"] != "forged"
    assert heard.endswith(HEAD_END + b"abc")


def test_a_task_to_the_server_itself_is_asked_who_it_is(realm: Realm, ann: Person) -> None:
    queue, victim = realm.queue(ALPHA, "inwards"), queue_of(ALPHA)
    request = {"url": f"http://{realm.kumo.address}/v2/{victim}:pause", "headers": {"X-Forwarded-For": "127.0.0.1"}}
    create = {"parent": queue, "task": {"name": f"{queue}/tasks/inwards", "httpRequest": request}}
    assert realm.grpc("CreateTask", create, ann.token()).status == "OK"
    assert realm.must("POST", "/kumo/v1/wait-idle", {"timeout": "20s"})["idle"] is True
    task = realm.grpc("GetTask", {"name": f"{queue}/tasks/inwards"}, ann.token()).answer
    assert "401" in task["lastAttempt"]["responseStatus"]["message"]
    assert realm.grpc("GetQueue", {"name": victim}, ann.token()).answer["state"] == "RUNNING"
