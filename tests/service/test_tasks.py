"""What callers do with tasks, and every sentence they are refused with."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from kumotasks.domain.clock import DAY, HOUR, MINUTE, SECOND, ManualClock
from kumotasks.domain.errors import (
    EntityNotFound,
    InvalidArgument,
    ProjectDenied,
    QueueNotFound,
    TaskExists,
    TaskGone,
    TaskNameRetired,
)
from kumotasks.domain.names import TASK_ID_HELP
from kumotasks.domain.paging import LIFETIME
from kumotasks.domain.retry import dispatched
from kumotasks.domain.target import (
    AppEngineHttpRequest,
    EnforceMode,
    HttpMethod,
    HttpRequest,
    HttpTarget,
    PathOverride,
    Scheme,
    UriOverride,
)
from kumotasks.domain.task import NewTask, Task
from kumotasks.service.tasks import TaskRules, Tasks
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW, PARENT, a_queue, a_task, ended
from tests.service.conftest import STRICT

QUEUE = f"{PARENT}/queues/q"
URL = "https://worker.example/run"
PLAIN = HttpRequest(URL)
BAD_ID = (
    'Task ID "{}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). '
    "Task ID must between 1 and 500 characters."
)
OTHER_QUEUE = (
    f"The queue name from request ('{QUEUE}') must be the same as the queue name in the named task "
    f"('{PARENT}/queues/other')."
)
TASK_FORMAT = (
    'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>"'
)
TOO_FAR = (
    "The Task.scheduleTime, 2026-01-30T16:00:01-08:00, is too far in the future. "
    "Schedule time must be no more than 720h in the future."
)


def new(name: str = "", target: HttpRequest | AppEngineHttpRequest | None = PLAIN, **parts: object) -> NewTask:
    return NewTask(f"{QUEUE}/tasks/{name}" if name else "", target, **parts)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
async def a_queue_is_there(store: SqlStore) -> None:
    await store.create_queue(a_queue(), NOW)


async def end(store: SqlStore, task: Task, *, name_until: int = NOW + HOUR) -> None:
    """As an attempt that succeeded leaves it."""
    assert await store.settle(ended(await store.get_queue(task.name.queue), task, name_until=name_until))


# creating


async def test_a_created_task_is_in_its_canonical_form_and_kept(tasks: Tasks, clock: ManualClock) -> None:
    clock.turn(NOW + 1_234_567)
    task = await tasks.create(QUEUE, new(target=HttpRequest(URL, 0, (("Host", "x"), ("A", "b")), b"body")))
    assert task.target == HttpRequest(URL, HttpMethod.POST, (("A", "b"), ("User-Agent", "Google-Cloud-Tasks")), b"body")
    assert (task.schedule_time, task.create_time) == (NOW + 1_234_567, NOW + 1_000_000)
    assert task.dispatch_deadline == 10 * MINUTE
    assert await tasks.get(str(task.name)) == task


async def test_a_generated_id_is_twenty_digits_and_no_two_are_alike(tasks: Tasks) -> None:
    made = [await tasks.create(QUEUE, new()) for _ in range(50)]
    ids = [task.name.task for task in made]
    assert all(len(each) == 20 and each.isdigit() for each in ids)
    assert len(set(ids)) == len({task.serial for task in made}) == 50
    assert not any(task.named for task in made)


async def test_a_named_task_bears_its_name(tasks: Tasks) -> None:
    task = await tasks.create(QUEUE, new("mine"))
    assert (task.name.task, task.named) == ("mine", True)


@pytest.mark.parametrize(
    ("draft", "sentence"),
    [
        (new("a.b"), BAD_ID.format("a.b")),
        (new("x" * 501), BAD_ID.format("x" * 501)),
        (
            NewTask(f"{PARENT}/queues/other/tasks/t", HttpRequest(URL)),
            OTHER_QUEUE,
        ),
        (
            NewTask("t", HttpRequest(URL)),
            TASK_FORMAT,
        ),
        (new(target=HttpRequest("")), "HttpRequest.url is required."),
        (new(target=HttpRequest("ftp://x")), "HttpTarget.url must start with 'http://' or 'https://'."),
        (new(dispatch_deadline=14 * SECOND), "Task.dispatchDeadline must be between [15s, 30m]."),
        (new(dispatch_deadline=30 * MINUTE + 1), "Task.dispatchDeadline must be between [15s, 30m]."),
        (
            new(target=AppEngineHttpRequest(), dispatch_deadline=25 * HOUR),
            "Task.dispatchDeadline must be between [15s, 24h15s].",
        ),
        (
            new(schedule_time=NOW + 30 * DAY + SECOND),
            TOO_FAR,
        ),
        (new(target=HttpRequest(URL, body=b"x" * 1_048_569)), "Task size too large"),
        (new(target=None), "Task.httpRequest or Task.appEngineHttpRequest is required."),
        (
            new(target=HttpRequest(URL, HttpMethod.GET, body=b"x")),
            "HttpRequest.body can only be set when HttpRequest.httpMethod is POST, PUT or PATCH.",
        ),
    ],
)
async def test_a_task_that_may_not_be_is_refused_and_not_kept(draft: NewTask, sentence: str, tasks: Tasks) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await tasks.create(QUEUE, draft)
    assert refused.value.message == sentence
    assert (refused.value.help_link == TASK_ID_HELP) is sentence.startswith("Task ID")
    assert (await tasks.list(QUEUE, page_size=0, page_token="")).tasks == ()


@pytest.mark.parametrize("delay", [None, -1, 0])
async def test_no_time_or_a_past_one_means_now(delay: int | None, tasks: Tasks) -> None:
    task = await tasks.create(QUEUE, new(schedule_time=None if delay is None else NOW + delay))
    assert task.schedule_time == NOW


async def test_a_task_of_a_queue_that_does_not_exist_is_refused(tasks: Tasks) -> None:
    with pytest.raises(QueueNotFound):
        await tasks.create(f"{PARENT}/queues/none", NewTask("", HttpRequest(URL)))
    for parent in ("", "q", f"{QUEUE}/", f"{PARENT}/queues/a_b"):
        with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
            await tasks.create(parent, NewTask("", HttpRequest(URL)))


async def test_an_app_engine_task_learns_its_host(tasks: Tasks) -> None:
    task = await tasks.create(QUEUE, new(target=AppEngineHttpRequest("", body=b"x")))
    assert isinstance(task.target, AppEngineHttpRequest)
    assert task.target.app_engine_routing.host == "p.l.r.appspot.com"
    assert (task.target.relative_uri, task.dispatch_deadline) == ("/", None)


# names


async def test_a_name_is_taken_while_its_task_lives(tasks: Tasks) -> None:
    await tasks.create(QUEUE, new("t"))
    with pytest.raises(TaskExists):
        await tasks.create(QUEUE, new("t"))


@pytest.mark.parametrize("way", ["deleted", "done"])
async def test_a_name_rests_for_an_hour_after_its_task(
    way: str, tasks: Tasks, store: SqlStore, clock: ManualClock
) -> None:
    task = await tasks.create(QUEUE, new("t"))
    await (tasks.delete(str(task.name)) if way == "deleted" else end(store, task))
    for instant in (NOW, NOW + HOUR - 1):
        clock.turn(instant)
        with pytest.raises(TaskNameRetired):
            await tasks.create(QUEUE, new("t"))
        with pytest.raises(TaskGone):
            await tasks.get(str(task.name))
    clock.turn(NOW + HOUR)
    again = await tasks.create(QUEUE, new("t"))
    assert again.serial != task.serial


async def test_a_name_is_of_its_queue_alone(tasks: Tasks, store: SqlStore) -> None:
    await store.create_queue(a_queue("other"), NOW)
    await tasks.create(QUEUE, new("t"))
    await tasks.create(f"{PARENT}/queues/other", NewTask(f"{PARENT}/queues/other/tasks/t", HttpRequest(URL)))


# several at once


async def test_what_can_be_kept_of_many_is_kept_in_their_order(tasks: Tasks) -> None:
    await tasks.create(QUEUE, new("taken"))
    outcomes = await tasks.create_all(QUEUE, [new("a"), new("taken"), new(target=None), new("b"), new("a")])
    assert [each.name.task if isinstance(each, Task) else type(each) for each in outcomes] == [
        "a",
        TaskExists,
        InvalidArgument,
        "b",
        TaskExists,
    ]
    assert [task.name.task for task in (await tasks.list(QUEUE, page_size=0, page_token="")).tasks] == [
        "a",
        "b",
        "taken",
    ]


async def test_of_many_none_may_be_good(tasks: Tasks) -> None:
    (refused,) = await tasks.create_all(QUEUE, [new(target=None)])
    assert isinstance(refused, InvalidArgument)
    (missing,) = await tasks.create_all(f"{PARENT}/queues/none", [NewTask("", HttpRequest(URL))])
    assert isinstance(missing, QueueNotFound)


# finding and deleting


@pytest.mark.parametrize("verb", ["get", "delete", "run"])
async def test_a_task_that_never_was_is_not_found(verb: str, tasks: Tasks) -> None:
    for name in (f"{QUEUE}/tasks/never", f"{PARENT}/queues/none/tasks/t"):
        with pytest.raises(EntityNotFound):
            await getattr(tasks, verb)(name)
    for name in (f"{QUEUE}/tasks/a.b", f"{QUEUE}/tasks/", QUEUE, ""):
        with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
            await getattr(tasks, verb)(name)


@pytest.mark.parametrize("verb", ["get", "delete", "run"])
@pytest.mark.parametrize("name", ["", "named"])
async def test_a_task_that_is_done_is_no_longer_there(verb: str, name: str, tasks: Tasks, store: SqlStore) -> None:
    task = await tasks.create(QUEUE, new(name))
    await end(store, task)
    with pytest.raises(TaskGone):
        await getattr(tasks, verb)(str(task.name))


async def test_a_task_is_deleted_once(tasks: Tasks) -> None:
    task = await tasks.create(QUEUE, new("t"))
    assert await tasks.delete(str(task.name)) == task
    with pytest.raises(TaskGone):
        await tasks.delete(str(task.name))


async def test_a_task_with_an_open_attempt_is_shown_as_that_has_it(tasks: Tasks, in_flight: dict[int, Task]) -> None:
    task = await tasks.create(QUEUE, new("t"))
    await tasks.create(QUEUE, new("u"))
    in_flight[task.serial] = dispatched(task, NOW)
    assert (await tasks.get(str(task.name))).progress.dispatch_count == 1
    shown = (await tasks.list(QUEUE, page_size=0, page_token="")).tasks
    assert [each.progress.dispatch_count for each in shown] == [1, 0]


async def test_a_task_that_is_run_is_shown_as_it_is_dispatched(tasks: Tasks) -> None:
    task = await tasks.create(QUEUE, new("t", schedule_time=NOW + DAY))
    shown = await tasks.run(str(task.name))
    assert shown == dispatched(task, NOW)


# pages


async def list_all(tasks: Tasks, size: int) -> list[list[str]]:
    pages, token = [], ""
    while True:
        page = await tasks.list(QUEUE, page_size=size, page_token=token)
        pages.append([task.name.task for task in page.tasks])
        token = page.next_page_token
        if not token:
            return pages


@pytest.mark.parametrize(
    ("count", "size", "pages"),
    [(0, 2, [0]), (1, 2, [1]), (2, 2, [2]), (3, 2, [2, 1]), (4, 2, [2, 2]), (3, 0, [3]), (3, 5_000, [3])],
)
async def test_tasks_come_in_pages(count: int, size: int, pages: list[int], tasks: Tasks) -> None:
    await tasks.create_all(QUEUE, [new(f"t{number}") for number in range(count)])
    shown = await list_all(tasks, size)
    assert [len(page) for page in shown] == pages
    assert list(itertools.chain(*shown)) == [f"t{number}" for number in range(count)]


async def test_a_page_holds_a_thousand_at_most(tasks: Tasks) -> None:
    for hundred in range(11):
        await tasks.create_all(QUEUE, [new(f"t{hundred:02d}-{number}") for number in range(100)])
    assert [len(page) for page in await list_all(tasks, 2_000)] == [1_000, 100]


async def test_a_page_ends_before_it_grows_too_large_for_a_message(tasks: Tasks, store: SqlStore) -> None:
    body = HttpRequest(URL, body=b"x" * 1_000_000)
    await store.add_tasks([a_task(f"t{number}", target=body) for number in range(5)])
    shown = await list_all(tasks, 0)
    assert all(1 <= len(page) <= 3 for page in shown)
    assert list(itertools.chain(*shown)) == [f"t{number}" for number in range(5)]


async def test_pages_go_on_where_they_were_whatever_came_and_went(tasks: Tasks) -> None:
    await tasks.create_all(QUEUE, [new(name) for name in ("b", "d", "f", "h")])
    first = await tasks.list(QUEUE, page_size=2, page_token="")
    assert [task.name.task for task in first.tasks] == ["b", "d"]
    await tasks.create_all(QUEUE, [new(name) for name in ("a", "c", "g")])
    await tasks.delete(f"{QUEUE}/tasks/d")
    await tasks.delete(f"{QUEUE}/tasks/f")
    second = await tasks.list(QUEUE, page_size=2, page_token=first.next_page_token)
    assert [task.name.task for task in second.tasks] == ["g", "h"]
    assert second.next_page_token == ""


async def test_a_page_token_is_of_its_queue_and_two_hours_old_at_most(
    tasks: Tasks, store: SqlStore, clock: ManualClock
) -> None:
    await store.create_queue(a_queue("other"), NOW)
    await tasks.create_all(QUEUE, [new("a"), new("b")])
    token = (await tasks.list(QUEUE, page_size=1, page_token="")).next_page_token
    with pytest.raises(InvalidArgument, match="page token is invalid"):
        await tasks.list(f"{PARENT}/queues/other", page_size=1, page_token=token)
    clock.turn(NOW + LIFETIME)
    assert (await tasks.list(QUEUE, page_size=1, page_token=token)).tasks
    clock.turn(NOW + LIFETIME + 1)
    with pytest.raises(InvalidArgument, match="has expired"):
        await tasks.list(QUEUE, page_size=1, page_token=token)


async def test_the_list_of_a_queue_that_does_not_exist_is_refused(tasks: Tasks) -> None:
    with pytest.raises(QueueNotFound):
        await tasks.list(f"{PARENT}/queues/none", page_size=0, page_token="")
    with pytest.raises(InvalidArgument, match="cannot be negative"):
        await tasks.list(QUEUE, page_size=-1, page_token="")


# buffering

TARGET = HttpTarget(UriOverride(Scheme.HTTP, "worker.example", 81, PathOverride("/in")))


async def route(store: SqlStore, target: HttpTarget | None) -> None:
    def routed(queue: object) -> object:
        return replace(queue, http_target=target)  # type: ignore[type-var]

    await store.change_queue(a_queue().name, routed)  # type: ignore[arg-type]


async def test_a_bare_request_becomes_a_task_of_the_queues_target(tasks: Tasks, store: SqlStore) -> None:
    await route(store, TARGET)
    headers = (
        ("Host", "localhost"),
        ("content-length", "4"),
        ("Authorization", "Bearer x"),
        ("X-CloudTasks-TaskName", "forged"),
        ("User-Agent", "curl"),
        ("Connection", "close"),
        ("X-Own", "1"),
    )
    task = await tasks.buffer(QUEUE, "", headers=headers, body=b"body")
    assert task.target == HttpRequest(
        "http://worker.example:81/in",
        HttpMethod.POST,
        (("X-Own", "1"), ("Content-Type", "application/json"), ("User-Agent", "Google-Cloud-Tasks")),
        b"body",
    )
    assert not task.named
    assert await tasks.get(str(task.name)) == task


async def test_a_buffered_request_keeps_its_own_content_type_and_may_be_named(tasks: Tasks, store: SqlStore) -> None:
    await route(store, TARGET)
    task = await tasks.buffer(QUEUE, "mine", headers=(("content-type", "text/plain"),), body=b"body")
    assert ("content-type", "text/plain") in task.target.headers
    assert task.named
    with pytest.raises(TaskExists):
        await tasks.buffer(QUEUE, "mine", headers=(), body=b"")


async def test_a_buffered_request_goes_by_the_queues_method(tasks: Tasks, store: SqlStore) -> None:
    await route(store, replace(TARGET, http_method=HttpMethod.GET))
    task = await tasks.buffer(QUEUE, "", headers=(), body=b"dropped, as a method without a body does")
    assert (task.target.http_method, task.target.body) == (HttpMethod.GET, b"")


@pytest.mark.parametrize("target", [None, HttpTarget(), HttpTarget(UriOverride(port=81))])
async def test_only_a_queue_that_knows_a_host_can_buffer(
    target: HttpTarget | None, tasks: Tasks, store: SqlStore
) -> None:
    await route(store, target)
    with pytest.raises(InvalidArgument, match=r"uriOverride\.host"):
        await tasks.buffer(QUEUE, "", headers=(), body=b"")


async def test_what_cannot_be_buffered_is_refused(tasks: Tasks, store: SqlStore) -> None:
    await route(store, TARGET)
    with pytest.raises(InvalidArgument, match="Task ID"):
        await tasks.buffer(QUEUE, "a.b", headers=(), body=b"")
    with pytest.raises(QueueNotFound):
        await tasks.buffer(f"{PARENT}/queues/none", "", headers=(), body=b"")


@pytest.mark.parametrize("mode", [EnforceMode.ALWAYS, EnforceMode.IF_NOT_EXISTS])
async def test_a_task_without_a_url_is_taken_where_its_queue_has_one(
    mode: EnforceMode, tasks: Tasks, store: SqlStore
) -> None:
    bare = new(target=HttpRequest(""))
    with pytest.raises(InvalidArgument, match="url is required"):
        await tasks.create(QUEUE, bare)
    await route(store, HttpTarget(UriOverride(host="worker.example", uri_override_enforce_mode=mode)))
    task = await tasks.create(QUEUE, bare)
    assert isinstance(task.target, HttpRequest)
    assert task.target.url == ""
    (again,) = await tasks.create_all(QUEUE, [bare])
    assert isinstance(again, Task)


# strict resources


async def test_strict_resources_know_their_project_and_googles_regions(store: SqlStore, clock: ManualClock) -> None:
    strict = Tasks(store=store, clock=clock, locations=STRICT, rules=TaskRules(HOUR), in_flight={})
    with pytest.raises(ProjectDenied) as refused:
        await strict.create("projects/other/locations/us-central1/queues/q", NewTask("", HttpRequest(URL)))
    assert refused.value.message == "Permission denied on resource project other."
    with pytest.raises(InvalidArgument) as unknown:
        await strict.create(QUEUE, new())
    assert unknown.value.message == ("Location 'l' is not a valid location. Use ListLocations to list valid locations.")
