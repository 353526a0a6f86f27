"""The application where everybody is asked who he is: calls through both transports, pages, and who is turned away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from google.cloud.tasks_v2.types import cloudtasks

from kumotasks.api.asgi import Application
from kumotasks.api.call import PageRequest, PageResponse, PageRoute, Route
from kumotasks.api.guard import guard_of
from kumotasks.api.head import Head
from kumotasks.domain.errors import CredentialsMissing, PermissionDenied, Unauthenticated
from kumotasks.domain.principal import ANONYMOUS, Need, Principal
from kumotasks.service.gate import Gate
from tests.api.surface import QUEUE, Client, Surface, framed

CREATE = cloudtasks.CreateTaskRequest.pb()
TASKS = f"/v2/{QUEUE}/tasks"
CALLER = Principal("w@p.iam.gserviceaccount.com", "1" * 21)
REALM = 'Bearer realm="https://accounts.google.com/"'


class Doorman:
    """Knows one caller by his token; counts how often it had to look."""

    def __init__(self) -> None:
        self.looked = 0
        self.remembered: set[bytes] = set()

    def known(self, authorization: bytes, /) -> Principal | None:
        return CALLER if authorization in self.remembered else None

    async def principal(self, authorization: bytes | None, /) -> Principal:
        self.looked += 1
        if authorization is None:
            return ANONYMOUS
        if authorization != b"Bearer good":
            raise Unauthenticated
        self.remembered.add(authorization)
        return CALLER


class Recorder:
    """A judge who refuses what is not `granted`, and remembers what was needed."""

    def __init__(self, *granted: str) -> None:
        self.granted = granted
        self.judged: list[tuple[Principal, Need]] = []

    def known(self, principal: Principal, needs: Any, /) -> bool:
        return False

    async def check(self, principal: Principal, needs: Any, /) -> None:
        for need in needs:
            self.judged.append((principal, need))
            if not principal:
                raise CredentialsMissing
            if need.permission not in self.granted:
                raise PermissionDenied(need.permission, need.resource)


class House:
    """An application that asks everybody who he is; page `/open` is everybody's, `/closed` is not."""

    def __init__(self, surface: Surface, *granted: str, asked: bool = True) -> None:
        self.shown: list[PageRequest] = []
        self.doorman, self.judge = Doorman(), Recorder(*granted)
        create = surface.routes()[0]
        assert isinstance(create, Route)
        self.application = Application(
            routes=[replace(create, permission="cloudtasks.tasks.create")],
            pages=[
                PageRoute("GET", "/open", self.show),
                PageRoute("GET", "/closed", self.show, "kumo.server.observe"),
            ],
            guard=guard_of(),
            through=Gate(self.judge).through,
            identity=self.doorman if asked else None,
            home="projects/home",
        )
        self.client = Client(self.application)

    async def show(self, request: PageRequest) -> PageResponse:
        self.shown.append(request)
        return PageResponse(b"shown")


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_call_is_judged_by_who_makes_it_through_both_transports(surface: Surface) -> None:
    house = House(surface, "cloudtasks.tasks.create")
    assert (await house.client.post(TASKS, {}, headers=bearing("good"))).status == 200
    answer = await house.client.rpc("CreateTask", framed(CREATE(parent=QUEUE)), headers=bearing("good"))
    assert answer.code == 0
    assert house.judge.judged == [(CALLER, Need("cloudtasks.tasks.create", QUEUE))] * 2
    assert [caller.principal for caller in surface.callers] == [CALLER] * 2


async def test_a_header_that_is_remembered_is_not_looked_into_again(surface: Surface) -> None:
    house = House(surface, "cloudtasks.tasks.create")
    for _ in range(3):
        assert (await house.client.post(TASKS, {}, headers=bearing("good"))).status == 200
    assert house.doorman.looked == 1


async def test_credentials_that_prove_nothing_are_refused_before_anything_is_read(surface: Surface) -> None:
    house = House(surface, "cloudtasks.tasks.create")
    by_rest = await house.client.ask("POST", TASKS, body=b"{", headers=bearing("bad"))
    assert (by_rest.status, by_rest.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert by_rest.headers["www-authenticate"] == f'{REALM}, error="invalid_token"'
    by_rpc = await house.client.rpc("CreateTask", b"garbage", headers=bearing("bad"))
    assert by_rpc.code == 16
    assert unquote(by_rpc.trailers["grpc-message"]) == by_rest.json()["error"]["message"]
    assert (house.judge.judged, surface.requests) == ([], [])


async def test_who_says_nothing_is_told_where_to_prove_himself(surface: Surface) -> None:
    house = House(surface, "cloudtasks.tasks.create")
    by_rest = await house.client.post(TASKS, {})
    assert (by_rest.status, by_rest.headers["www-authenticate"]) == (401, REALM)
    assert by_rest.json()["error"]["message"].startswith("Request is missing required authentication credential.")
    assert (await house.client.rpc("CreateTask", framed(CREATE(parent=QUEUE)))).code == 16
    assert surface.requests == []


async def test_who_may_not_is_refused_without_a_challenge(surface: Surface) -> None:
    house = House(surface)
    answer = await house.client.post(TASKS, {}, headers=bearing("good"))
    assert (answer.status, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert "www-authenticate" not in answer.headers
    assert '"cloudtasks.tasks.create"' in answer.json()["error"]["message"]
    assert surface.requests == []


async def test_an_open_page_asks_nobody_even_with_bad_credentials(surface: Surface) -> None:
    house = House(surface)
    assert (await house.client.ask("GET", "/open")).status == 200
    assert (await house.client.ask("GET", "/open", headers=bearing("bad"))).status == 200
    assert (house.doorman.looked, house.judge.judged) == (0, [])
    assert [request.caller.principal for request in house.shown] == [ANONYMOUS] * 2


async def test_a_closed_page_needs_its_permission_on_the_servers_own_project(surface: Surface) -> None:
    house = House(surface, "kumo.server.observe")
    answer = await house.client.ask("GET", "/closed", headers=bearing("good"))
    assert (answer.status, answer.body) == (200, b"shown")
    assert house.judge.judged == [(CALLER, Need("kumo.server.observe", "projects/home"))]
    assert house.shown[0].caller.principal == CALLER


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 401), (bearing("bad"), 401), (bearing("good"), 403)], ids=["nobody", "liar", "other"]
)
@pytest.mark.parametrize("verb", ["GET", "HEAD"])
async def test_a_closed_page_is_shown_to_nobody_else(
    surface: Surface, headers: dict[str, str], status: int, verb: str
) -> None:
    house = House(surface)
    answer = await house.client.ask(verb, "/closed", headers=headers)
    assert (answer.status, "www-authenticate" in answer.headers) == (status, status == 401)
    assert house.shown == []


async def test_a_stranger_is_refused_before_he_is_asked_who_he_is(surface: Surface) -> None:
    house = House(surface, "cloudtasks.tasks.create", "kumo.server.observe")
    for target in (TASKS, "/closed", "/open"):
        answer = await house.client.ask("GET", target, headers=bearing("good") | {"host": "evil.example"})
        assert answer.status == 403
    assert (house.doorman.looked, house.shown) == (0, [])


async def test_without_identity_nothing_is_needed_and_credentials_are_not_looked_at(surface: Surface) -> None:
    house = House(surface, asked=False)
    assert (await house.client.post(TASKS, {}, headers=bearing("bad"))).status == 200
    assert (await house.client.ask("GET", "/closed", headers=bearing("bad"))).status == 200
    assert (house.doorman.looked, house.judge.judged) == (0, [])


CREATE_TASK = b"/google.cloud.tasks.v2.CloudTasks/CreateTask"
GOOD = (b"authorization", b"Bearer good")
LOCAL, FOREIGN = (b"host", b"localhost"), (b"host", b"evil.example")


def heading(*fields: tuple[bytes, bytes], method: str = "POST", raw: bytes = CREATE_TASK) -> Head:
    every = [(b"content-type", b"application/grpc"), *fields]
    return Head(method, raw, every, dict(every))


async def test_the_door_takes_a_call_of_somebody_who_is_known(surface: Surface) -> None:
    house, said = House(surface, "cloudtasks.tasks.create"), []
    house.doorman.remembered.add(GOOD[1])
    body = framed(CREATE(parent=QUEUE))
    taken = house.application.door(heading(LOCAL, GOOD), body, "192.0.2.1", lambda *parts: said.append(parts))
    assert taken is not None
    await taken
    ((_, _, trailers),) = said
    assert trailers == [(b"grpc-status", b"0")]
    assert house.judge.judged == [(CALLER, Need("cloudtasks.tasks.create", QUEUE))]
    assert [(caller.principal, caller.peer) for caller in surface.callers] == [(CALLER, "192.0.2.1")]
    assert house.doorman.looked == 0


async def test_the_door_says_what_the_gate_refuses(surface: Surface) -> None:
    house, said = House(surface), []
    house.doorman.remembered.add(GOOD[1])
    body = framed(CREATE(parent=QUEUE))
    taken = house.application.door(heading(LOCAL, GOOD), body, "", lambda *parts: said.append(parts))
    assert taken is not None
    await taken
    ((_, body, trailers),) = said
    assert (body, trailers[0]) == (b"", (b"grpc-status", b"7"))


@pytest.mark.parametrize(
    "head",
    [
        heading(LOCAL),
        heading(LOCAL, (b"authorization", b"Bearer new")),
        heading(LOCAL, GOOD, GOOD),
        heading(FOREIGN, GOOD),
        heading(LOCAL, GOOD, (b"origin", b"https://evil.example")),
        heading(LOCAL, GOOD, method="GET"),
        heading(LOCAL, GOOD, (b"content-type", b"application/grpc-web")),
        heading(LOCAL, GOOD, raw=b"/google.cloud.tasks.v2.CloudTasks/Unknown"),
    ],
)
def test_the_door_leaves_all_others_to_the_long_way(surface: Surface, head: Head) -> None:
    house = House(surface, "cloudtasks.tasks.create")
    house.doorman.remembered.add(GOOD[1])
    assert house.application.door(head, framed(CREATE(parent=QUEUE)), "", lambda *_: None) is None
