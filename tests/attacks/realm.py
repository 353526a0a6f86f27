"""A server that asks everybody who he is, people of two projects, and the ways in which an attacker talks to it."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import grpc
import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.protobuf import json_format

from tests.calls import CALLS, HttpReply, Json, RawRest, Reply, transcoded
from tests.running import KumoProcess, running

ALPHA, BETA = "alpha-project", "beta-project"
PLACE = "locations/us-central1"
CLOUD_TASKS = "https://cloudtasks.googleapis.com/"
PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URI = "https://oauth2.googleapis.com/token"
REFUSED = "UNAUTHENTICATED"
DENIED = "PERMISSION_DENIED"
PATIENCE = 20.0  # seconds; a test that waits longer has failed
Pairs = Sequence[tuple[str, str]]


def queue_of(project: str, queue: str = "work") -> str:
    return f"projects/{project}/{PLACE}/queues/{queue}"


@lru_cache
def loaded(pem: str) -> Any:
    """A private key; reading one takes as long as a hundred signatures."""
    return load_pem_private_key(pem.encode(), None)


@dataclass(frozen=True)
class Person:
    """A service account of which we hold a key file."""

    email: str
    unique_id: str
    key: Mapping[str, str] = field(repr=False)

    @property
    def member(self) -> str:
        return f"serviceAccount:{self.email}"

    @property
    def project(self) -> str:
        return self.key["project_id"]

    @property
    def name(self) -> str:
        return f"projects/{self.project}/serviceAccounts/{self.email}"

    @property
    def key_name(self) -> str:
        return f"{self.name}/keys/{self.key['private_key_id']}"

    def claims(self, **changes: object) -> Json:
        """What Google's clients say of themselves; a change to None leaves a claim out."""
        now = int(time.time())
        usual = {"iss": self.email, "sub": self.email, "aud": CLOUD_TASKS, "iat": now, "exp": now + 3600}
        return {name: value for name, value in (usual | changes).items() if value is not None}

    def token(self, **changes: object) -> str:
        return self.signed(self.claims(**changes))

    def assertion(self, **changes: object) -> str:
        """What is posted to the token endpoint."""
        return self.token(**({"sub": None, "aud": TOKEN_URI, "scope": PLATFORM} | changes))

    def signed(self, claims: Json, *, named: bool = True) -> str:
        """A JWT of any claims, however wrong; `named`: its header says which key signed it."""
        kid = {"kid": self.key["private_key_id"]} if named else {}
        return jwt.PyJWS().encode(json.dumps(claims).encode(), self.private_key, "RS256", kid)

    @property
    def private_key(self) -> Any:
        return loaded(self.key["private_key"])


class Realm:
    """The server and everything that may be asked of it; `owner` may do everything."""

    def __init__(self, kumo: KumoProcess) -> None:
        self.kumo = kumo
        key = json.loads((kumo.directory / "data" / "owner.json").read_text())
        self.owner = Person(key["client_email"], key["client_id"], key)
        self._channel = grpc.insecure_channel(kumo.address)
        self._rest = RawRest(kumo.address)
        self.errors: list[str] = []  # everything that was said to somebody who was refused

    def close(self) -> None:
        self._channel.close()
        self._rest.close()

    def grpc(self, rpc: str, request: Json, token: str = "", *, path: str = "", metadata: Pairs = ()) -> Reply:
        """A call over the one channel that all tests share; `token` "" sends none."""
        row = CALLS[rpc]
        message = json_format.ParseDict(request, row.request()).SerializeToString()
        sent = [*metadata, *([("authorization", f"Bearer {token}")] if token else [])]
        call = self._channel.unary_unary(path or f"/{row.service}/{rpc}")
        try:
            answer = row.response.FromString(call(message, metadata=sent, timeout=PATIENCE))
        except grpc.RpcError as error:
            details: Any = error
            self.errors.append(f"{details.details()} {details.trailing_metadata()}")
            return Reply(details.code().name, details.details())
        return Reply("OK", answer=json_format.MessageToDict(answer))

    def send(
        self, verb: str, target: str, body: object = None, token: str = "", headers: Mapping[str, str] | None = None
    ) -> HttpReply:
        """A REST call over one connection that is kept."""
        sent = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        reply = self._rest.send(verb, target, data, sent)
        if reply.status >= 400:
            self.errors.append(f"{reply.headers} {reply.body.decode()}")
        return reply

    def ask(self, verb: str, target: str, body: object = None, token: str = "") -> Reply:
        """A REST call as a Reply."""
        return reply_of(self.send(verb, target, body, token))

    def both(self, rpc: str, request: Json, token: str = "") -> str:
        """The status of a call of Cloud Tasks, which must be the same over gRPC and REST."""
        by_rpc, by_rest = self.grpc(rpc, request, token), self.ask(*transcoded(rpc, request), token)
        assert by_rpc.status == by_rest.status, (by_rpc, by_rest)
        return by_rpc.status

    def must(self, verb: str, target: str, body: object = None, token: str = "") -> Json:
        """A call that must succeed, by the owner if nobody is named."""
        reply = self.ask(verb, target, body, token or self.owner.token())
        assert reply.status == "OK", reply
        return reply.answer

    def exchanged(self, assertion: str) -> tuple[int, Json]:
        """What the token endpoint answers to an assertion."""
        grant = f"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        reply = self.send("POST", "/token", grant.encode(), headers=form)
        return reply.status, json.loads(reply.body)

    def access_token(self, person: Person) -> str:
        status, answer = self.exchanged(person.assertion())
        assert status == 200, answer
        return str(answer["access_token"])

    def person(self, name: str, project: str = ALPHA) -> Person:
        """A new account and a key of it."""
        made = self.must("POST", f"/v1/projects/{project}/serviceAccounts", {"accountId": name})
        return Person(made["email"], made["uniqueId"], self.key_of(made["name"]))

    def key_of(self, account: str) -> Json:
        """A new key file of an account."""
        made = self.must("POST", f"/v1/{account}/keys", {})
        return dict(json.loads(base64.b64decode(made["privateKeyData"])))

    def grant(self, resource: str, role: str, *members: str) -> None:
        """Add a binding to the policy of a resource."""
        version = "/v2/" if "/queues/" in resource else "/v1/"
        policy = self.must("POST", f"{version}{resource}:getIamPolicy", None)
        bindings = [*policy.get("bindings", []), {"role": role, "members": list(members)}]
        self.must("POST", f"{version}{resource}:setIamPolicy", {"policy": {"bindings": bindings}})

    def queue(self, project: str, queue: str) -> str:
        """A new queue, whose tasks are not tried again while a test runs."""
        name, patient = queue_of(project, queue), {"minBackoff": "3600s", "maxBackoff": "3600s"}
        self.must("POST", f"/v2/projects/{project}/{PLACE}/queues", {"name": name, "retryConfig": patient})
        return name

    def raw(self, *requests: bytes) -> list[tuple[int, bytes]]:
        """Bytes as they are over a connection of their own; status and body of every answer until it ends."""
        return raw_http(self.kumo.port, *requests)


def reply_of(reply: HttpReply) -> Reply:
    said = json.loads(reply.body or b"{}")
    if reply.status == 200:
        return Reply("OK", answer=said)
    error = said["error"]
    assert error["code"] == reply.status, said
    return Reply(error["status"], error["message"], error.get("details", []))


def raw_http(port: int, *requests: bytes, host: str = "127.0.0.1") -> list[tuple[int, bytes]]:
    """Send and read every answer until the server closes: the last request must make it do so."""
    with socket.create_connection((host, port), PATIENCE) as connection:
        with contextlib.suppress(ConnectionError):  # it may have heard enough
            for request in requests:
                connection.sendall(request)
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65_536):
                heard += piece
    return list(answers_in(heard))


def answers_in(heard: bytes) -> Iterator[tuple[int, bytes]]:
    """The answers in what a server said; each but an interim one must give its length."""
    while heard:
        head, gap, rest = heard.partition(b"\r\n\r\n")
        assert gap, heard
        lines = head.split(b"\r\n")
        fields = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])
        }
        status = int(lines[0].split()[1])
        length = int(fields[b"content-length"]) if status >= 200 else 0
        yield status, rest[:length]
        heard = rest[length:]


def request(
    target: str, *fields: str, verb: str = "GET", host: str = "localhost", body: bytes = b"", close: bool = False
) -> bytes:
    """An HTTP/1.1 request, every field as it is given; a body adds its length."""
    lines = [f"{verb} {target} HTTP/1.1", *([f"Host: {host}"] if host else []), *fields]
    lines += [f"Content-Length: {len(body)}"] if body else []
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1") + body


@contextlib.contextmanager
def realm_in(directory: Path, *options: str) -> Iterator[Realm]:
    with running(directory, "--auth", "iam", "--project", ALPHA, *options) as kumo:
        realm = Realm(kumo)
        try:
            yield realm
        finally:
            realm.close()
