"""One request on its way through the front: what came, how far it got, and what is to be said of it at the end."""

from __future__ import annotations

from typing import cast

from kumotasks.workers.front.asgi import OF_TASKS, Scope, Send, extensions_of, headers_of, peer_of
from kumotasks.workers.front.forwarding import read, trace_of
from kumotasks.workers.front.refusal import Refusal
from kumotasks.workers.instances.running import Running, Slot
from kumotasks.workers.run_log import Place, Request

LEFT = 499  # what the log says of a client that did not wait


class Visit:
    """`status` is that of the answer, 0 before it has begun; sizes are those of bodies, in bytes."""

    __slots__ = (
        "_send",
        "begun",
        "fields",
        "method",
        "path",
        "peer",
        "received",
        "refusal",
        "running",
        "scope",
        "sent",
        "slot",
        "started",
        "status",
        "target",
        "trace",
        "unsigned",
    )

    def __init__(self, scope: Scope, running: Running, send: Send, started: int) -> None:
        self.scope = scope
        self.running = running
        self.started = started  # instant
        self.method = cast("str", scope["method"])
        self.fields = read(headers_of(scope))
        self.trace = trace_of(self.fields)
        self.peer = peer_of(scope)
        raw, query = cast("bytes", scope["raw_path"]), cast("bytes", scope["query_string"])
        self.target = raw + b"?" + query if query else raw
        self.path = cast("str", scope["path"])
        self.slot: Slot | None = None
        self.unsigned = b""
        self.begun: tuple[bytes, bool] | None = None  # what was read of the body first, and whether more follows
        self.status = self.sent = self.received = 0
        self.refusal = ""
        self._send = send

    @property
    def of_tasks(self) -> bool:
        """Our own dispatcher makes it."""
        return OF_TASKS in extensions_of(self.scope)

    @property
    def scheme(self) -> str:
        """Google's hosts are reached by https only; a browser on this machine comes by what it says."""
        host = self.fields.noted.get(b"host", b"").partition(b":")[0].lower()
        return "https" if host.endswith(b".run.app") else cast("str", self.scope["scheme"])

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]], *, trailers: bool = False) -> None:
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers, "trailers": trailers})

    async def say(self, body: bytes, *, more: bool) -> None:
        self.sent += len(body)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def end_with(self, trailers: list[tuple[bytes, bytes]]) -> None:
        await self._send({"type": "http.response.trailers", "headers": trailers, "more_trailers": False})

    async def refuse(self, refusal: Refusal) -> None:
        """The front's own answer."""
        self.refusal = refusal.log
        await self.begin(refusal.status, [*refusal.headers, (b"content-length", b"%d" % len(refusal.body))])
        await self.say(b"" if self.method == "HEAD" else refusal.body, more=False)

    def place(self) -> Place:
        slot = self.slot
        name = self.running.service.name
        return Place(name) if slot is None else Place(name, slot.revision.id, slot.instance_id)

    def summary(self, now: int) -> Request:
        """For the request log."""
        noted = self.fields.noted
        host = noted.get(b"host", b"").decode("latin-1")
        return Request(
            method=self.method,
            url=f"{self.scheme}://{host}{self.target.decode('latin-1')}",
            status=self.status or LEFT,
            request_size=self.received,
            response_size=self.sent,
            user_agent=noted.get(b"user-agent", b"").decode("latin-1"),
            remote_ip=self.peer,
            latency=now - self.started,
            protocol=f"HTTP/{self.scope['http_version']}",
            trace=self.trace.trace,
            span=self.trace.span,
            refusal=self.refusal,
        )
