"""Requests of which two readers could think differently: they are refused, or read in the one way that harms nobody."""

from __future__ import annotations

import asyncio
import json

import pytest
from hyperframe.frame import SettingsFrame

from kumotasks.api.http2 import PREFACE
from tests.api.peer import ACK, GRPC, SETTINGS, Answer, Peer, raw
from tests.attacks.realm import ALPHA, BETA, DENIED, Person, Realm, queue_of, request
from tests.calls import CALLS

QUEUE, FOREIGN = queue_of(ALPHA), queue_of(BETA)
TARGET = f"/v2/{QUEUE}"
Fields = list[tuple[str, str]]


async def http2(realm: Realm, fields: Fields, body: bytes = b"") -> Answer:
    """A request as it is, over HTTP/2."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", realm.kumo.port)
        try:
            peer = Peer(reader, writer)
            peer.send(PREFACE, peer.settings())
            await peer.until(SettingsFrame)
            block = peer.encoder.encode(fields)
            peer.send(raw(SETTINGS, ACK), raw(1, 4, 1, block), peer.data(1, body, end=True))
            return await peer.answer()
        finally:
            writer.close()
            await writer.wait_closed()


def get_queue(name: str = QUEUE) -> tuple[Fields, bytes]:
    message = CALLS["GetQueue"].request(name=name).SerializeToString()
    head = {**GRPC, ":path": "/google.cloud.tasks.v2.CloudTasks/GetQueue"}
    return list(head.items()), b"\0" + len(message).to_bytes(4, "big") + message


# -- two of a kind ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [("Authorization", "Authorization"), ("Authorization", "authorization"), ("AUTHORIZATION",) * 2]
)
@pytest.mark.parametrize("order", ["ann ann", "ann none", "none ann", "ann ben", "ben ann"])
def test_two_authorizations_are_refused(
    realm: Realm, ann: Person, ben: Person, names: tuple[str, str], order: str
) -> None:
    tokens = {"ann": f"Bearer {ann.token()}", "ben": f"Bearer {ben.token()}", "none": ""}
    fields = [f"{name}: {tokens[who]}" for name, who in zip(names, order.split(), strict=True)]
    for target in (TARGET, f"/v1/projects/{ALPHA}/serviceAccounts", "/metrics", "/v1/userinfo", "/healthz"):
        ((status, body),) = realm.raw(request(target, *fields, close=True))
        assert (status, json.loads(body)["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("order", ["ann ann", "ann none", "ben ann"])
async def test_two_authorizations_are_refused_over_http_2(realm: Realm, ann: Person, ben: Person, order: str) -> None:
    tokens = {"ann": f"Bearer {ann.token()}", "ben": f"Bearer {ben.token()}", "none": ""}
    twice = [("authorization", tokens[who]) for who in order.split()]
    fields, body = get_queue()
    assert (await http2(realm, [*fields, twice[0]], body)).grpc[0] == ("7" if order.startswith("ben") else "0")
    assert (await http2(realm, [*fields, *twice], body)).grpc[0] == "3"
    rest = [(":method", "GET"), (":scheme", "http"), (":path", TARGET), (":authority", "localhost")]
    assert (await http2(realm, [*rest, *twice])).status == 400


def test_two_authorizations_of_a_channel_are_refused(realm: Realm, ann: Person) -> None:
    twice = [("authorization", f"Bearer {ann.token()}")]
    assert realm.grpc("GetQueue", {"name": QUEUE}, ann.token(), metadata=twice).status == "INVALID_ARGUMENT"
    other = [("x-own", "1"), ("x-own", "2")]
    assert realm.grpc("GetQueue", {"name": QUEUE}, ann.token(), metadata=other).status == "OK"


@pytest.mark.parametrize(
    "fields",
    [
        ("Host: localhost", "Host: evil.example"),
        ("Host: localhost", "host: localhost"),
        ("Host: localhost\r\n evil.example",),
        ("Host : localhost",),
        (" Host: localhost",),
        ("Host: localhost", "\tX: y"),
        ("Ho\0st: localhost",),
        ("Host: localhost\0",),
        ("Host: localhost\rX: y",),
        ("Host: localhost", "Authorization\n: x"),
        ("Host: localhost", ": x"),
        ("Host: localhost", "X"),
        (),
    ],
)
def test_a_head_of_two_readings_is_refused(realm: Realm, ann: Person, fields: tuple[str, ...]) -> None:
    authorized = f"Authorization: Bearer {ann.token()}"
    answers = realm.raw(request(TARGET, authorized, *fields, host="", close=True))
    assert [status for status, _ in answers] == [400]


@pytest.mark.parametrize(
    "folded", ["Bearer\r\n {}", "\r\n Bearer {}", "Bearer {}\r\n x", "Bearer {}\r\n\tx", "Bearer {}\n x"]
)
def test_a_folded_authorization_is_never_taken(realm: Realm, ann: Person, folded: str) -> None:
    answers = realm.raw(request(TARGET, f"Authorization: {folded.format(ann.token())}", close=True))
    assert [status for status, _ in answers] in ([400], [401])


# -- where it is meant for -------------------------------------------------------------------------------------------


def test_an_absolute_target_is_where_it_is_meant_for(realm: Realm, ann: Person) -> None:
    token = f"Authorization: Bearer {ann.token()}"
    for target in (f"http://localhost{TARGET}", f"http://evil.example{TARGET}", f"HTTP://user:pw@localhost{TARGET}"):
        ((status, body),) = realm.raw(request(target, token, host="other.example", close=True))
        assert (status, json.loads(body)["name"]) == (200, QUEUE)
    for target in (
        f"http://localhost/v2/{FOREIGN}",
        f"http:/{TARGET}",
        "http://",
        f"ftp://localhost{TARGET}",
        "localhost",
    ):
        answers = realm.raw(request(target, token, close=True))
        assert [status for status, _ in answers] in ([400], [403], [404])


async def test_the_authority_and_a_host_beside_it(realm: Realm, ann: Person) -> None:
    fields, body = get_queue()
    token = ("authorization", f"Bearer {ann.token()}")
    for host in ("evil.example", "localhost"):
        assert (await http2(realm, [*fields, ("host", host), token], body)).grpc[0] == "0"
    refused = await http2(realm, [*fields, ("host", "a"), ("host", "b"), token], body)
    assert refused.error is not None or refused.grpc[0] != "0"


@pytest.mark.parametrize(
    "extra",
    [
        (":path", "/other"),
        (":authority", "evil.example"),
        (":method", "GET"),
        (":status", "200"),
        ("Authorization", "Bearer x"),
        ("x\r\nauthorization", "Bearer x"),
        ("x", "y\r\nauthorization: Bearer x"),
        ("x", "y\0"),
        ("connection", "authorization"),
        ("transfer-encoding", "chunked"),
        ("content-length", "1"),
    ],
)
async def test_a_field_that_http_2_forbids_resets_the_stream(realm: Realm, ann: Person, extra: tuple[str, str]) -> None:
    fields, body = get_queue()
    refused = await http2(realm, [*fields, ("authorization", f"Bearer {ann.token()}"), extra], body)
    assert refused.error == 1
    assert refused.head == {}


# -- another verb ----------------------------------------------------------------------------------------------------


def test_an_overridden_verb_is_judged_as_what_it_becomes(realm: Realm, ann: Person) -> None:
    viewer = realm.person("a-viewer")
    realm.grant(QUEUE, "roles/cloudtasks.viewer", viewer.member)
    override = {"X-HTTP-Method-Override": "DELETE"}
    for target in (TARGET, f"/v2/{FOREIGN}"):
        reply = realm.send("POST", target, b"", viewer.token(), override)
        assert (reply.status, json.loads(reply.body)["error"]["status"]) == (403, DENIED)
        assert realm.send("GET", target, None, viewer.token(), override).status == (200 if target == TARGET else 403)
        assert realm.send("POST", target, b"").status in (401, 404)
        assert realm.send("POST", target, b"", "", override).status == 401
    for verb in ("PATCHED", "CONNECT", "GET DELETE", "", "OPTIONS", "\xff"):
        lines = request(
            TARGET, f"Authorization: Bearer {ann.token()}", f"X-HTTP-Method-Override: {verb}", verb="POST", close=True
        )
        assert [status for status, _ in realm.raw(lines)] in ([400], [404])
    for name in ("X-HTTP-Method", "X-Method-Override"):
        assert realm.send("POST", TARGET, b"", ann.token(), {name: "DELETE"}).status == 404
    assert realm.both("GetQueue", {"name": QUEUE}, ann.token()) == "OK"


# -- where a request ends --------------------------------------------------------------------------------------------

INNER = request(f"{TARGET}:pause", "Content-Length: 0", verb="POST", close=True)
LAST = request("/healthz", close=True)
AMBIGUOUS = {
    "both lengths": ("Content-Length: 5", "Transfer-Encoding: chunked"),
    "both, the other way round": ("Transfer-Encoding: chunked", "Content-Length: 5"),
    "two lengths": ("Content-Length: 0", "Content-Length: 5"),
    "a list of lengths": ("Content-Length: 0, 5",),
    "a signed length": ("Content-Length: +5",),
    "a length below zero": ("Content-Length: -1",),
    "a hexadecimal length": ("Content-Length: 0x5",),
    "a length with a gap": ("Content-Length: 1 0",),
    "an endless length": (f"Content-Length: {10**30}",),
    "no final chunked": ("Transfer-Encoding: chunked, identity",),
    "something else": ("Transfer-Encoding: xchunked",),
    "twice chunked": ("Transfer-Encoding: chunked", "Transfer-Encoding: x"),
    "a vertical tab": ("Transfer-Encoding: \x0bchunked",),
    "a space before the colon": ("Transfer-Encoding : chunked",),
    "folded": ("Transfer-Encoding:\r\n chunked",),
    "quoted": ('Transfer-Encoding: "chunked"',),
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_a_length_of_two_readings_ends_the_connection(realm: Realm, ann: Person, kind: str) -> None:
    token = f"Authorization: Bearer {ann.token()}"
    head = request(f"{TARGET}:resume", token, *AMBIGUOUS[kind], verb="POST")
    inner = INNER.replace(b"Host", f"{token}\r\nHost".encode())
    for body in (b"0\r\n\r\n" + inner, inner):
        answers = realm.raw(head + body)
        assert [status for status, _ in answers] in ([400], [413]), (body, answers)
    assert realm.grpc("GetQueue", {"name": QUEUE}, ann.token()).answer["state"] == "RUNNING"


CHUNKS = (
    b"5;\n" + b"x" * 5,
    b"0x5\r\n" + b"x" * 5,
    b"-1\r\n",
    b"+5\r\nxxxxx\r\n0\r\n\r\n",
    b"5 \r\nxxxxxyy",
    b"fffffffffffffffff\r\n",
    b"5\nxxxxx\n0\n\n",
    b"2\r\n{}XX0\r\n\r\n",
)


@pytest.mark.parametrize("chunks", CHUNKS)
def test_chunks_of_two_readings_end_the_connection(realm: Realm, ann: Person, chunks: bytes) -> None:
    token = f"Authorization: Bearer {ann.token()}"
    head = request(f"{TARGET}:resume", token, "Transfer-Encoding: chunked", verb="POST")
    answers = realm.raw(head + chunks + INNER.replace(b"Host", f"{token}\r\nHost".encode()))
    assert [status for status, _ in answers] == [400], answers
    assert realm.grpc("GetQueue", {"name": QUEUE}, ann.token()).answer["state"] == "RUNNING"


def test_a_body_is_never_a_second_request(realm: Realm, ann: Person) -> None:
    token = f"Authorization: Bearer {ann.token()}"
    inner = INNER.replace(b"Host", f"{token}\r\nHost".encode())
    for fields in (
        (),
        ("Expect: 100-continue",),
        ("Connection: Upgrade", "Upgrade: websocket"),
        ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
    ):
        for target, status in ((f"{TARGET}:resume", 400), ("/healthz", 404), ("/nowhere", 404)):
            answers = realm.raw(request(target, token, *fields, verb="POST", body=inner) + LAST)
            assert [each for each, _ in answers if each != 100] == [status, 200], (target, fields, answers)
    chunked = request(f"{TARGET}:resume", token, "Transfer-Encoding: chunked", verb="POST")
    assert [each for each, _ in realm.raw(chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner) + LAST)] == [
        400,
        200,
    ]
    assert realm.grpc("GetQueue", {"name": QUEUE}, ann.token()).answer["state"] == "RUNNING"


def test_what_follows_a_body_is_a_request_of_nobody(realm: Realm, ann: Person) -> None:
    token = f"Authorization: Bearer {ann.token()}"
    first = request(f"{TARGET}:resume", token, verb="POST", body=b"{}")
    assert [status for status, _ in realm.raw(first + INNER)] == [200, 401]
    trailing = request(f"{TARGET}:resume", "Transfer-Encoding: chunked", verb="POST")
    answers = realm.raw(trailing + f"2\r\n{{}}\r\n0\r\n{token}\r\nHost: evil.example\r\n\r\n".encode() + INNER)
    assert [status for status, _ in answers] == [401, 401]
    assert realm.grpc("GetQueue", {"name": QUEUE}, ann.token()).answer["state"] == "RUNNING"


def test_grpc_over_http_1_is_no_way_in(realm: Realm, ann: Person) -> None:
    path = "/google.cloud.tasks.v2.CloudTasks/GetQueue"
    head = request(path, "Content-Type: application/grpc", verb="POST", body=get_queue()[1], close=True)
    assert [status for status, _ in realm.raw(head)] == [426]
    known = request(
        path,
        "Content-Type: application/grpc",
        f"Authorization: Bearer {ann.token()}",
        verb="POST",
        body=b"x",
        close=True,
    )
    assert [status for status, _ in realm.raw(known)] == [426]
