"""The plain pages: health, readiness, and our own few extras."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

import pytest

from kumotasks.api.call import Caller, PageRequest, PageResponse
from kumotasks.api.pages import Doors, pages
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.errors import InvalidArgument, QueueNotFound

SECOND = 1_000_000
NOW = 1_767_225_600 * SECOND  # 2026-01-01T00:00:00Z


class House:
    """What the pages lead to, by script."""

    def __init__(self, *, manual: bool = True) -> None:
        self.clock = ManualClock(NOW)
        self.ready = True
        self.idle = True
        self.waited: list[float | None] = []
        table = pages(
            Doors(
                ready=lambda: self.ready,
                metrics=lambda: b"kumo_up 1\n",
                wait_idle=self._wait_idle,
                queue_stats=self._stats,
                clock=self.clock,
                advance=self._advance if manual else None,
            )
        )
        self._pages = {(page.verb, page.path): page.handle for page in table}

    async def _wait_idle(self, patience: float | None) -> bool:
        self.waited.append(patience)
        return self.idle

    async def _advance(self, to: int, /) -> int:
        while self.clock.turn(to):
            pass
        return self.clock.now()

    @staticmethod
    def _stats(name: str) -> Mapping[str, object]:
        if name != "projects/p/locations/l/queues/q":
            raise QueueNotFound
        return {"queue": name}

    async def ask(self, verb: str, path: str, body: object = b"", *, query: bytes = b"") -> PageResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = PageRequest(verb, path, query, {}, raw, cast("Caller", None))
        return await self._pages[verb, path](request)

    async def read(self, verb: str, path: str, body: object = b"", *, query: bytes = b"") -> tuple[int, object]:
        response = await self.ask(verb, path, body, query=query)
        return response.status, json.loads(response.body)


async def test_health_is_said_in_a_word() -> None:
    house = House()
    for path in ("/", "/healthz", "/readyz"):
        assert (await house.ask("GET", path)).status == 200
    house.ready = False
    assert (await house.ask("GET", "/readyz")).status == 503
    assert (await house.ask("GET", "/healthz")).status == 200


async def test_metrics_are_prometheus_text() -> None:
    page = await House().ask("GET", "/metrics")
    assert (page.body, page.content_type) == (b"kumo_up 1\n", "text/plain; version=0.0.4; charset=utf-8")


@pytest.mark.parametrize(("manual", "kind"), [(True, "manual"), (False, "system")])
async def test_the_clock_says_what_it_is(manual: bool, kind: str) -> None:
    answer = await House(manual=manual).read("GET", "/kumo/v1/clock")
    assert answer == (200, {"now": "2026-01-01T00:00:00.000000Z", "clock": kind})


@pytest.mark.parametrize(
    ("body", "now"),
    [
        ({"seconds": 30}, "2026-01-01T00:00:30.000000Z"),
        ({"seconds": 0.1}, "2026-01-01T00:00:00.100000Z"),
        ({"seconds": "1.5"}, "2026-01-01T00:00:01.500000Z"),
        ({"duration": "2592000s"}, "2026-01-31T00:00:00.000000Z"),
        ({"duration": "0.000001s"}, "2026-01-01T00:00:00.000001Z"),
        ({"to": "2026-01-01T01:00:00+01:00"}, "2026-01-01T00:00:00.000000Z"),
        ({"to": "2027-01-01T00:00:00.000001Z"}, "2027-01-01T00:00:00.000001Z"),
        ({"to": "2020-01-01T00:00:00Z"}, "2026-01-01T00:00:00.000000Z"),
    ],
)
async def test_a_manual_clock_moves_as_far_as_it_is_told(body: object, now: str) -> None:
    assert await House().read("POST", "/kumo/v1/clock:advance", body) == (200, {"now": now, "clock": "manual"})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "Say how far"),
        (b"{", "The body is not JSON"),
        (b"\xff", "The body is not JSON"),
        ([], "The body must be a JSON object."),
        ({}, "Say how far"),
        ({"seconds": 1, "to": "x"}, "Say how far"),
        ({"minutes": 1}, "Say how far"),
        ({"seconds": "soon"}, "seconds is not a number of seconds."),
        ({"seconds": None}, "seconds is not a number of seconds."),
        ({"seconds": -1}, "seconds must be between 0 and 315576000000 seconds."),
        ({"seconds": "nan"}, "seconds must be between 0 and 315576000000 seconds."),
        ({"duration": "1h"}, "duration is not a number of seconds."),
        ({"duration": "315576000000s"}, "Time ends with the year 9999."),
        ({"to": "noon"}, "to is not an RFC 3339 time."),
        ({"to": 5}, "to is not an RFC 3339 time."),
        ({"to": "2027-01-01T00:00:00"}, "to must have a time zone"),
    ],
)
async def test_a_step_that_makes_no_sense_is_refused(body: object, sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await House().ask("POST", "/kumo/v1/clock:advance", body)
    assert refused.value.message.startswith(sentence)


async def test_the_systems_clock_is_not_moved() -> None:
    with pytest.raises(InvalidArgument, match="start the server with --clock manual"):
        await House(manual=False).ask("POST", "/kumo/v1/clock:advance", {"seconds": 1})


@pytest.mark.parametrize(
    ("body", "patience"),
    [(b"", 60.0), ({}, 60.0), ({"timeout": "5s"}, 5.0), ({"timeout": 0.5}, 0.5), ({"timeout": "3600s"}, 600.0)],
)
async def test_waiting_for_quiet_has_a_limit(body: object, patience: float) -> None:
    house = House()
    answer = await house.read("POST", "/kumo/v1/wait-idle", body)
    assert answer == (200, {"idle": True, "now": "2026-01-01T00:00:00.000000Z"})
    assert house.waited == [patience]


async def test_quiet_that_does_not_come_is_a_gateway_timeout() -> None:
    house = House()
    house.idle = False
    status, answer = await house.read("POST", "/kumo/v1:waitIdle", {"timeout": "1s"})
    assert (status, answer) == (504, {"idle": False, "now": "2026-01-01T00:00:00.000000Z"})
    with pytest.raises(InvalidArgument, match="timeout is not a number of seconds"):
        await house.ask("POST", "/kumo/v1/wait-idle", {"timeout": "soon"})


async def test_the_state_of_a_queue_is_asked_for_by_its_name() -> None:
    house, name = House(), b"projects/p/locations/l/queues/q"
    answer = await house.read("GET", "/kumo/v1/queue-stats", query=b"queue=" + name)
    assert answer == (200, {"queue": name.decode()})
    with pytest.raises(QueueNotFound):
        await house.ask("GET", "/kumo/v1/queue-stats", query=b"queue=x")
    for query in (b"", b"queue=a&queue=b", b"name=a"):
        with pytest.raises(InvalidArgument, match="Say which queue"):
            await house.ask("GET", "/kumo/v1/queue-stats", query=query)
