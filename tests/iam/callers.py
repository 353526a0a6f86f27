"""Raw clients whose calls carry an access token: gRPC in its metadata, REST in a header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

import grpc

from tests.calls import HttpReply, Json, RawGrpc, RawRest, Reply


class Client(Protocol):
    """Calls as whoever `token` says; "" says nothing."""

    token: str

    def call(self, rpc: str, request: Json) -> Reply: ...


class GrpcClient(RawGrpc):
    token = ""

    def send(self, path: str, message: bytes, timeout: float = 30) -> bytes | Reply:
        metadata = (("authorization", f"Bearer {self.token}"),) if self.token else ()
        try:
            return self._channel.unary_unary(path)(message, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            return Reply(error.code().name, error.details())


class RestClient(RawRest):
    """Has BufferTask too, whose body is anything at all."""

    token = ""

    def call(self, rpc: str, request: Json, query: str = "") -> Reply:
        if rpc != "BufferTask":
            return super().call(rpc, request, query)
        reply = self.send("POST", f"/v2/{request['queue']}/tasks:buffer", b"hello")
        said = json.loads(reply.body)
        if reply.status == 200:
            return Reply("OK", answer=said)
        return Reply(said["error"]["status"], said["error"]["message"])

    def send(
        self, verb: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpReply:
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return super().send(verb, target, body, {**(headers or {}), **own})

    def json(self, verb: str, path: str, body: Json) -> Json:
        """A call of another surface than Cloud Tasks', which has to succeed."""
        reply = self.send(verb, path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        assert reply.status == 200, reply.body
        answer: Json = json.loads(reply.body)
        return answer
