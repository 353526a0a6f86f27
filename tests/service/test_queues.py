"""What callers do with queues, and every sentence they are refused with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.auth.policies import PolicyBook
from kumotasks.domain.clock import DAY, HOUR, SECOND, ManualClock
from kumotasks.domain.errors import (
    EntityNotFound,
    InvalidArgument,
    ProjectDenied,
    QueueExists,
    QueueNameRetired,
    QueueNotFound,
    TaskNameRetired,
)
from kumotasks.domain.names import QUEUE_NAME_HELP, QueueName
from kumotasks.domain.paging import LIFETIME
from kumotasks.domain.policy import Binding, Policy
from kumotasks.domain.queue import Caps, Queue, QueueState, RateLimits, RetryConfig, StackdriverLoggingConfig
from kumotasks.domain.target import AppEngineRouting, HttpTarget, OAuthToken, OidcToken, UriOverride
from kumotasks.domain.task import NewTask, Task
from kumotasks.service.policies import Policies
from kumotasks.service.queues import QueueRules, Queues
from kumotasks.service.tasks import Tasks
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW, PARENT, a_full_queue, a_request, queue_name
from tests.service.conftest import STRICT

NAME = f"{PARENT}/queues/q"


def draft(name: str = NAME, **parts: object) -> Queue:
    """A queue as a caller describes it: its name is text, not judged yet."""
    return Queue(QueueName("", "", "", name), **parts)  # type: ignore[arg-type]


# creating


async def test_a_new_queue_runs_and_has_every_default(queues: Queues) -> None:
    queue = await queues.create(PARENT, draft())
    assert queue == Queue(queue_name())
    assert queue.rate_limits == RateLimits(500.0, 100, 1_000)
    assert queue.retry_config == RetryConfig(100, None, SECOND // 10, 3_600 * SECOND, 16)
    assert await queues.get(NAME) == queue


async def test_the_burst_size_follows_the_rate_and_a_callers_is_ignored(queues: Queues) -> None:
    queue = await queues.create(PARENT, draft(rate_limits=RateLimits(0.5, -7, 3)))
    assert queue.rate_limits == RateLimits(0.5, 10, 3)
    queue = await queues.update(draft(rate_limits=RateLimits(300.0)), ("rate_limits.max_dispatches_per_second",))
    assert queue.rate_limits == RateLimits(300.0, 60, 3)


async def test_a_queue_is_created_once(queues: Queues) -> None:
    await queues.create(PARENT, draft())
    with pytest.raises(QueueExists) as refused:
        await queues.create(PARENT, draft())
    assert refused.value.message == "Queue already exists"


@pytest.mark.parametrize("name", ["", "q", f"{PARENT}/queues/a_b", f"{PARENT}/queues/{'x' * 101}", f"{PARENT}/queues/"])
async def test_a_queue_has_a_name_of_the_right_form(name: str, queues: Queues) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await queues.create(PARENT, draft(name))
    assert refused.value.message == (
        'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
    )
    assert refused.value.help_link == QUEUE_NAME_HELP


async def test_a_queue_is_created_below_its_own_parent(queues: Queues) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await queues.create("projects/p/locations/m", draft())
    assert refused.value.message == f"{NAME} must begin with projects/p/locations/m."
    with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
        await queues.create("nowhere", draft())


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"rate_limits": RateLimits(-1)}, "RateLimits.maxDispatchesPerSecond cannot be negative."),
        ({"rate_limits": RateLimits(501)}, "RateLimits.maxDispatchesPerSecond must be less than or equal to 500."),
        (
            {"rate_limits": RateLimits(max_concurrent_dispatches=-1)},
            "RateLimits.maxConcurrentDispatches cannot be negative.",
        ),
        (
            {"rate_limits": RateLimits(max_concurrent_dispatches=5_001)},
            "RateLimits.maxConcurrentDispatches must be less than or equal to 5000.",
        ),
        ({"retry_config": RetryConfig(max_attempts=-2)}, "RetryConfig.maxAttempts must be greater or equal to -1."),
        ({"retry_config": RetryConfig(max_doublings=-1)}, "RetryConfig.maxDoublings cannot be negative."),
        ({"retry_config": RetryConfig(min_backoff=-1)}, "RetryConfig.minBackoff cannot be negative."),
        ({"retry_config": RetryConfig(max_backoff=-1)}, "RetryConfig.maxBackoff cannot be negative."),
        (
            {"retry_config": RetryConfig(min_backoff=2, max_backoff=1)},
            "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        ),
        (
            {"http_target": HttpTarget(oidc_token=OidcToken(audience="a"))},
            "service_account_email must be set.",
        ),
        (
            {"http_target": HttpTarget(uri_override=UriOverride(host=""))},
            "HttpTarget.uriOverride.host cannot be empty.",
        ),
        (
            {"stackdriver_logging_config": StackdriverLoggingConfig(1.5)},
            "StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0.",
        ),
    ],
)
async def test_a_queue_that_may_not_be_is_refused_by_create_and_update(
    parts: dict[str, object], sentence: str, queues: Queues
) -> None:
    for change in (queues.create(PARENT, draft(**parts)), queues.update(draft(**parts), ())):
        with pytest.raises(InvalidArgument) as refused:
            await change
        assert refused.value.message == sentence
    with pytest.raises(QueueNotFound):
        await queues.get(NAME)


async def test_an_operator_may_raise_the_limits(store: SqlStore, clock: ManualClock, book: PolicyBook) -> None:
    rules = QueueRules(queue_name_rest=DAY, task_name_rest=HOUR, caps=Caps(10_000.0, 20_000))
    queues = Queues(store=store, clock=clock, locations=STRICT, rules=rules, drop=book.drop)
    parent = "projects/p/locations/us-central1"
    queue = await queues.create(parent, draft(f"{parent}/queues/q", rate_limits=RateLimits(10_000.0, 0, 20_000)))
    assert queue.rate_limits == RateLimits(10_000.0, 100, 20_000)


# absent queues


@pytest.mark.parametrize("verb", ["get", "purge", "pause", "resume"])
async def test_a_queue_that_is_not_there_is_not_found(verb: str, queues: Queues) -> None:
    with pytest.raises(QueueNotFound) as refused:
        await getattr(queues, verb)(NAME)
    assert refused.value.message == (
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    )
    with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
        await getattr(queues, verb)("q")


async def test_the_deletion_of_a_queue_that_is_not_there_says_so_in_other_words(queues: Queues) -> None:
    with pytest.raises(EntityNotFound) as refused:
        await queues.delete(NAME)
    assert refused.value.message == "Requested entity was not found."


# updating


async def test_an_update_of_what_is_not_there_creates_it(queues: Queues) -> None:
    queue = await queues.update(draft(retry_config=RetryConfig(max_attempts=7)), ("retry_config.max_attempts",))
    assert queue.retry_config == RetryConfig(max_attempts=7)
    assert queue.state is QueueState.RUNNING
    assert await queues.get(NAME) == queue


async def test_an_update_without_a_mask_replaces_everything_that_can_be(queues: Queues) -> None:
    full = a_full_queue()
    await queues.update(replace(full, name=draft().name), ())
    queue = await queues.update(draft(rate_limits=RateLimits(5.0, 0, 2)), ())
    assert queue == Queue(queue_name(), rate_limits=RateLimits(5.0, 10, 2))


@pytest.mark.parametrize("paths", [(), ("*",)])
async def test_an_update_leaves_state_and_purge_time_alone(paths: tuple[str, ...], queues: Queues) -> None:
    await queues.create(PARENT, draft())
    await queues.purge(NAME)
    await queues.pause(NAME)
    queue = await queues.update(draft(state=QueueState.DISABLED, purge_time=1), paths)
    assert (queue.state, queue.purge_time) == (QueueState.PAUSED, NOW)


async def test_an_update_with_a_mask_changes_what_it_names(queues: Queues) -> None:
    before = await queues.update(replace(a_full_queue(), name=draft().name), ())
    desired = draft(retry_config=RetryConfig(max_attempts=1, max_doublings=2), rate_limits=RateLimits(1.0))
    queue = await queues.update(desired, ("retry_config.max_attempts",))
    assert queue == replace(before, retry_config=replace(before.retry_config, max_attempts=1))


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("http_target", "http_target"),
        ("app_engine_routing_override", "app_engine_routing_override"),
        ("stackdriver_logging_config.sampling_ratio", "stackdriver_logging_config"),
    ],
)
async def test_a_named_part_that_is_absent_is_cleared(path: str, part: str, queues: Queues) -> None:
    full = replace(a_full_queue(), name=draft().name, stackdriver_logging_config=StackdriverLoggingConfig(0.5))
    await queues.update(full, ())
    assert getattr(await queues.update(draft(), (path,)), part) is None


async def test_a_named_limit_that_is_absent_goes_back_to_its_default(queues: Queues) -> None:
    await queues.update(draft(retry_config=RetryConfig(max_attempts=7, max_doublings=3)), ())
    queue = await queues.update(draft(), ("retry_config.max_attempts",))
    assert queue.retry_config == RetryConfig(max_doublings=3)


async def test_of_two_tokens_the_one_that_was_asked_for_stays(queues: Queues) -> None:
    await queues.update(draft(http_target=HttpTarget(oidc_token=OidcToken("a@b"))), ())
    desired = draft(http_target=HttpTarget(oauth_token=OAuthToken("c@d")))
    queue = await queues.update(desired, ("http_target.oauth_token.service_account_email",))
    assert queue.http_target == HttpTarget(oauth_token=OAuthToken("c@d"))


@pytest.mark.parametrize("path", ["colour", "rate_limits.colour", "retryConfig", "http_target.uri_override.colour", ""])
async def test_an_unknown_path_is_refused(path: str, queues: Queues) -> None:
    await queues.create(PARENT, draft())
    with pytest.raises(InvalidArgument) as refused:
        await queues.update(draft(), (path,))
    assert refused.value.message == f"Invalid field mask: '{path}' is not a field of Queue that can be updated."


@pytest.mark.parametrize("path", ["state", "purge_time", "rate_limits.max_burst_size", "name"])
async def test_a_path_of_the_servers_own_changes_nothing(path: str, queues: Queues) -> None:
    before = await queues.create(PARENT, draft())
    assert await queues.update(draft(state=QueueState.PAUSED, rate_limits=RateLimits(1.0, 1, 1)), (path,)) == before


async def test_a_computed_host_is_not_the_callers(queues: Queues) -> None:
    desired = draft(app_engine_routing_override=AppEngineRouting("s", host="forged"))
    queue = await queues.update(desired, ("app_engine_routing_override.host",))
    assert queue.app_engine_routing_override is None


# states


async def test_a_queue_is_paused_and_resumed_as_often_as_one_likes(queues: Queues) -> None:
    await queues.create(PARENT, draft())
    for _ in range(2):
        assert (await queues.pause(NAME)).state is QueueState.PAUSED
    for _ in range(2):
        assert (await queues.resume(NAME)).state is QueueState.RUNNING


async def test_resuming_lifts_disabled(queues: Queues, store: SqlStore) -> None:
    await queues.create(PARENT, draft())
    await store.change_queue(queue_name(), lambda queue: replace(queue, state=QueueState.DISABLED))
    assert (await queues.resume(NAME)).state is QueueState.RUNNING


# deletion and purge


async def test_a_deleted_queue_is_gone_and_its_name_rests_for_three_days(queues: Queues, clock: ManualClock) -> None:
    await queues.create(PARENT, draft())
    await queues.delete(NAME)
    with pytest.raises(QueueNotFound):
        await queues.get(NAME)
    with pytest.raises(EntityNotFound):
        await queues.delete(NAME)
    clock.turn(NOW + 3 * DAY - 1)
    for creation in (queues.create(PARENT, draft()), queues.update(draft(), ()), queues.ensure(queue_name())):
        with pytest.raises(QueueNameRetired) as refused:
            await creation
        assert refused.value.message == (
            "The queue cannot be created because a queue with this name existed too recently."
        )
    clock.turn(NOW + 3 * DAY)
    await queues.create(PARENT, draft())


async def test_a_deleted_queue_takes_its_tasks_with_it(queues: Queues, tasks: Tasks, clock: ManualClock) -> None:
    await queues.create(PARENT, draft())
    await tasks.create(NAME, NewTask(f"{NAME}/tasks/t", a_request()))
    await queues.delete(NAME)
    clock.turn(NOW + 3 * DAY)
    await queues.create(PARENT, draft())
    assert (await tasks.list(NAME, page_size=0, page_token="")).tasks == ()
    await tasks.create(NAME, NewTask(f"{NAME}/tasks/t", a_request()))


async def test_a_deleted_queue_takes_its_policy_with_it(queues: Queues, policies: Policies, clock: ManualClock) -> None:
    await queues.create(PARENT, draft())
    await policies.set(NAME, Policy(1, (Binding("roles/viewer", ("allUsers",)),), b""), ())
    await queues.delete(NAME)
    clock.turn(NOW + 3 * DAY)
    await queues.create(PARENT, draft())
    assert (await policies.get(NAME, 0)).bindings == ()


async def test_a_purge_is_remembered_and_takes_the_tasks_of_before(
    queues: Queues, tasks: Tasks, clock: ManualClock
) -> None:
    await queues.create(PARENT, draft())
    await tasks.create(NAME, NewTask(f"{NAME}/tasks/old", a_request()))
    clock.turn(NOW + 1)
    assert (await queues.purge(NAME)).purge_time == NOW + 1
    await tasks.create(NAME, NewTask(f"{NAME}/tasks/new", a_request()))
    assert [task.name.task for task in (await tasks.list(NAME, page_size=0, page_token="")).tasks] == ["new"]
    with pytest.raises(TaskNameRetired):
        await tasks.create(NAME, NewTask(f"{NAME}/tasks/old", a_request()))
    clock.turn(NOW + 1 + HOUR)
    again = await tasks.create(NAME, NewTask(f"{NAME}/tasks/old", a_request()))
    assert isinstance(again, Task)
    assert (await queues.purge(NAME)).purge_time == NOW + 1 + HOUR


# declared queues


async def test_a_declared_queue_is_created_or_brought_in_line(queues: Queues) -> None:
    await queues.declare(draft(rate_limits=RateLimits(5.0, 0, 1)))
    await queues.pause(NAME)
    queue = await queues.declare(draft(rate_limits=RateLimits(7.0, 0, 1)))
    assert queue.rate_limits == RateLimits(7.0, 10, 1)
    assert queue.state is QueueState.PAUSED


async def test_a_queue_that_was_asked_for_is_left_as_it_is(queues: Queues) -> None:
    assert await queues.ensure(queue_name()) == Queue(queue_name())
    changed = await queues.update(draft(rate_limits=RateLimits(5.0)), ())
    assert await queues.ensure(queue_name()) == changed


# listing


async def list_all(queues: Queues, size: int, filter_text: str = "", parent: str = PARENT) -> list[list[str]]:
    pages, token = [], ""
    while True:
        page = await queues.list(parent, filter_text=filter_text, page_size=size, page_token=token)
        pages.append([queue.name.queue for queue in page.queues])
        token = page.next_page_token
        if not token:
            return pages


async def create(queues: Queues, *ids: str) -> None:
    for each in ids:
        await queues.create(PARENT, draft(f"{PARENT}/queues/{each}"))


async def test_queues_are_listed_by_name_for_their_location_alone(queues: Queues) -> None:
    await create(queues, "b", "a", "B", "10", "9")
    other = "projects/p/locations/m"
    await queues.create(other, draft(f"{other}/queues/x"))
    assert await list_all(queues, 0) == [["10", "9", "B", "a", "b"]]
    assert await list_all(queues, 0, parent=other) == [["x"]]
    assert await list_all(queues, 0, parent="projects/p/locations/none") == [[]]


@pytest.mark.parametrize(
    ("size", "pages"),
    [(1, [["a"], ["b"], ["c"]]), (2, [["a", "b"], ["c"]]), (3, [["a", "b", "c"]]), (9_999_999, [["a", "b", "c"]])],
)
async def test_queues_come_in_pages(size: int, pages: list[list[str]], queues: Queues) -> None:
    await create(queues, "a", "b", "c")
    assert await list_all(queues, size) == pages


async def test_pages_of_queues_go_on_where_they_were(queues: Queues) -> None:
    await create(queues, "b", "d", "f")
    first = await queues.list(PARENT, filter_text="", page_size=2, page_token="")
    await create(queues, "a", "c", "e")
    await queues.delete(f"{PARENT}/queues/d")
    second = await queues.list(PARENT, filter_text="", page_size=9, page_token=first.next_page_token)
    assert [queue.name.queue for queue in second.queues] == ["e", "f"]


@pytest.mark.parametrize(
    ("filter_text", "found"),
    [
        ("state: PAUSED", ["b"]),
        ("state = RUNNING", ["a", "c"]),
        ("rateLimits.maxDispatchesPerSecond > 10", ["a", "b"]),
        ("rate_limits.max_dispatches_per_second <= 10", ["c"]),
        ('retryConfig.minBackoff = "5s"', ["c"]),
        ("retryConfig.minBackoff < 1s", ["a", "b"]),
        ("state: PAUSED OR rateLimits.maxDispatchesPerSecond < 10", ["b", "c"]),
        ('name: "queues/a"', ["a"]),
        ("NOT state: PAUSED", ["a", "c"]),
    ],
)
async def test_a_filter_chooses_queues_by_any_field(filter_text: str, found: list[str], queues: Queues) -> None:
    await create(queues, "a", "b")
    await queues.pause(f"{PARENT}/queues/b")
    slow = draft(f"{PARENT}/queues/c", rate_limits=RateLimits(1.0), retry_config=RetryConfig(min_backoff=5 * SECOND))
    await queues.create(PARENT, slow)
    assert await list_all(queues, 0, filter_text) == [found]


@pytest.mark.parametrize("size", [1, 2, 3, 10])
async def test_a_filtered_list_misses_and_repeats_nothing_over_its_pages(size: int, queues: Queues) -> None:
    ids = [f"q{number:02d}" for number in range(20)]
    await create(queues, *ids)
    paused = [each for number, each in enumerate(ids) if number % 3 == 0 or number > 16]
    for each in paused:
        await queues.pause(f"{PARENT}/queues/{each}")
    pages = await list_all(queues, size, "state: PAUSED")
    assert [each for page in pages for each in page] == paused
    assert all(len(page) <= size for page in pages)


async def test_a_page_token_is_of_its_list_and_two_hours_old_at_most(queues: Queues, clock: ManualClock) -> None:
    await create(queues, "a", "b")
    token = (await queues.list(PARENT, filter_text="", page_size=1, page_token="")).next_page_token
    for parent, filter_text in (("projects/p/locations/m", ""), (PARENT, "state: RUNNING")):
        with pytest.raises(InvalidArgument, match="page token is invalid"):
            await queues.list(parent, filter_text=filter_text, page_size=1, page_token=token)
    clock.turn(NOW + LIFETIME + 1)
    with pytest.raises(InvalidArgument, match="has expired"):
        await queues.list(PARENT, filter_text="", page_size=1, page_token=token)


async def test_a_filter_or_a_size_that_makes_no_sense_is_refused(queues: Queues) -> None:
    with pytest.raises(InvalidArgument):
        await queues.list(PARENT, filter_text="state: (", page_size=0, page_token="")
    with pytest.raises(InvalidArgument, match="cannot be negative"):
        await queues.list(PARENT, filter_text="", page_size=-1, page_token="")


# strict resources


async def test_strict_resources_know_their_project_and_googles_regions(
    store: SqlStore, clock: ManualClock, book: PolicyBook
) -> None:
    rules = QueueRules(queue_name_rest=DAY, task_name_rest=HOUR)
    strict = Queues(store=store, clock=clock, locations=STRICT, rules=rules, drop=book.drop)
    elsewhere = "projects/other/locations/us-central1"
    for call in (
        strict.create(elsewhere, draft(f"{elsewhere}/queues/q")),
        strict.update(draft(f"{elsewhere}/queues/q"), ()),
        strict.list(elsewhere, filter_text="", page_size=0, page_token=""),
    ):
        with pytest.raises(ProjectDenied):
            await call
    for call in (strict.create(PARENT, draft()), strict.update(draft(), ())):
        with pytest.raises(InvalidArgument, match="'l' is not a valid location"):
            await call
