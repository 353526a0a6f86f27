"""A metadata server for each instance: where a program on Cloud Run learns who it is and gets its tokens.

Each has a loopback port of its own, so the port says who asks. It hands out tokens of the revision's account and of no
other; how they are made is auth's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from kumotasks.auth.bearers import Bearers, Refusal, TokenAsk
from kumotasks.auth.tokens import Tokens
from kumotasks.domain.clock import SECOND, Clock
from kumotasks.workers.metadata.metadata_http import MAX_HEAD, Look, converse
from kumotasks.workers.metadata.metadata_tree import JSON, AccessAsk, IdAsk, Identity, Page, answer, tree

__all__ = ["Identity", "Metadata"]

MAX_CONNECTIONS = 256  # of one instance


@dataclass(slots=True)
class _Open:
    """A server and the connections that it has."""

    server: asyncio.Server
    conversations: set[asyncio.Task[None]] = field(default_factory=set)


class Metadata:
    """The metadata servers of all instances. `wall` is the clock that tokens are made by."""

    def __init__(self, bearers: Bearers, tokens: Tokens, wall: Clock) -> None:
        self._bearers = bearers
        self._tokens = tokens
        self._wall = wall
        self._open: dict[str, _Open] = {}

    async def start(self) -> None:
        """Nothing listens before there is an instance."""

    async def stop(self) -> None:
        for address in tuple(self._open):
            await self.close(address)

    async def open(self, identity: Identity) -> str:
        """Listen for an instance; the address, as GCE_METADATA_HOST has it."""
        look, talks = self._look(identity), set[asyncio.Task[None]]()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(talks) >= MAX_CONNECTIONS:
                writer.close()
                return
            talk = asyncio.get_running_loop().create_task(converse(reader, writer, look))
            talks.add(talk)
            talk.add_done_callback(talks.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=MAX_HEAD)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._open[address] = _Open(server, talks)
        return address

    async def close(self, address: str) -> None:
        """Listen there no more; closing twice is fine."""
        closed = self._open.pop(address, None)
        if closed is None:
            return
        closed.server.close()
        for talk in closed.conversations:
            talk.cancel()
        await asyncio.gather(*closed.conversations, return_exceptions=True)

    def _look(self, identity: Identity) -> Look:
        known = tree(identity)

        async def look(path: str, query: Mapping[str, str]) -> Page:
            found = answer(known, path, query)
            match found:
                case Page():
                    return found
                case AccessAsk(scopes):
                    return await self._access(identity, scopes)
                case IdAsk(audience):
                    return _told(await self._bearers.mint(TokenAsk(identity.account_email, audience=audience)))
            assert_never(found)

        return look

    async def _access(self, identity: Identity, scopes: tuple[str, ...]) -> Page:
        """A token that is at hand, and for how many seconds it will hold."""
        text = await self._bearers.mint(TokenAsk(identity.account_email, scope=" ".join(scopes)))
        claims = None if isinstance(text, Refusal) else await self._tokens.read_access_token(text)
        if isinstance(text, Refusal) or claims is None:
            return _told(text)
        left = max(0, (claims.expires - self._wall.now() - 1) // SECOND)
        fields = {"access_token": text, "expires_in": left, "token_type": "Bearer"}
        return Page(200, json.dumps(fields, separators=(",", ":")), JSON)


def _told(made: str | Refusal) -> Page:
    """A token, or why there is none, as a page."""
    return Page(404, f"{made.reason}\n") if isinstance(made, Refusal) else Page(200, made)
