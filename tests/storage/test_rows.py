"""Values and rows: whatever a task or a queue can be comes back the same; what is not ours is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.attempt import Attempt, Status
from kumotasks.domain.bucket import Bucket
from kumotasks.domain.names import TaskName, parse_queue
from kumotasks.domain.queue import Queue, QueueState, RateLimits, RetryConfig, StackdriverLoggingConfig
from kumotasks.domain.target import (
    AppEngineHttpRequest,
    AppEngineRouting,
    HttpRequest,
    HttpTarget,
    OAuthToken,
    OidcToken,
    PathOverride,
    QueryOverride,
    UriOverride,
)
from kumotasks.domain.task import FRESH, Progress, RetryOverride, Task
from kumotasks.storage.operation import Row
from kumotasks.storage.rows import (
    RowDamaged,
    pack_definition,
    pack_progress,
    pack_queue,
    unpack_bucket,
    unpack_queue,
    unpack_task,
)
from tests.factory import a_queue, a_task, queue_name

text = st.text(max_size=20)
number = st.integers(-(2**62), 2**62)
maybe = st.none() | number
headers = st.lists(st.tuples(text, text), max_size=3).map(tuple)
method = st.integers(0, 7)
routing = st.builds(AppEngineRouting, text, text, text, text)
targets = st.builds(
    HttpRequest,
    text,
    method,
    headers,
    st.binary(max_size=50),
    st.none() | st.builds(OidcToken, text, text),
    st.none() | st.builds(OAuthToken, text, text),
) | st.builds(AppEngineHttpRequest, text, method, headers, st.binary(max_size=50), routing)
progresses = st.just(FRESH) | st.builds(
    Progress,
    number,
    number,
    number,
    maybe,
    maybe,
    st.none() | st.builds(Attempt, maybe, maybe, maybe, st.none() | st.builds(Status, number, text)),
)
tasks = st.builds(
    Task,
    st.builds(TaskName, st.just(queue_name()), text),
    targets,
    number,
    number,
    number,
    st.booleans(),
    maybe,
    st.none() | st.builds(RetryOverride, maybe, maybe, maybe, maybe, maybe),
    progresses,
)
rate = st.floats(0, 500)
overrides = st.builds(
    UriOverride,
    st.none() | st.integers(0, 2),
    st.none() | text,
    maybe,
    st.none() | st.builds(PathOverride, text),
    st.none() | st.builds(QueryOverride, text),
    st.integers(0, 2),
)
queues = st.builds(
    Queue,
    st.just(parse_queue("projects/a:b/locations/l/queues/Q-1")),
    st.sampled_from(QueueState),
    st.builds(RateLimits, rate, number, number),
    st.builds(RetryConfig, number, maybe, number, number, number),
    st.none() | routing,
    st.none()
    | st.builds(
        HttpTarget,
        st.none() | overrides,
        method,
        headers,
        st.none() | st.builds(OAuthToken, text, text),
        st.none() | st.builds(OidcToken, text, text),
    ),
    st.none() | st.builds(StackdriverLoggingConfig, st.floats(0, 1)),
    maybe,
)


def row(task: Task, *, definition: bytes | None = None, progress: bytes | None = None) -> Row:
    return (
        task.name.task,
        task.serial,
        task.schedule_time,
        task.create_time,
        int(task.named),
        pack_definition(task) if definition is None else definition,
        pack_progress(task.progress) if progress is None else progress,
    )


@given(tasks)
def test_any_task_comes_back_the_same(task: Task) -> None:
    back = unpack_task(task.name.queue, row(task))
    assert back == task
    assert type(back.target) is type(task.target)


@given(queues)
def test_any_queue_comes_back_the_same(queue: Queue) -> None:
    stored = unpack_queue((7, 3, pack_queue(queue)))
    assert (stored.queue, stored.number, stored.generation) == (queue, 7, 3)
    assert stored.queue.state is queue.state


def test_a_fresh_task_has_no_progress_to_keep() -> None:
    assert pack_progress(FRESH) is None
    assert pack_progress(Progress()) is None
    assert pack_progress(Progress(1)) is not None


def test_a_bucket_comes_back_the_same() -> None:
    assert unpack_bucket((0.5, 10.0, 2.5, 7)) == Bucket(0.5, 10.0, 2.5, 7)
    assert unpack_bucket((None, None, None, None)) is None


@pytest.mark.parametrize("definition", [b"", b"\xc1", b"\x94\xc0\xc0\xc0\xc0", b"\x93\xc0\xc0\xc0", b"noise"])
def test_a_damaged_definition_is_refused(definition: bytes) -> None:
    task = a_task("t")
    with pytest.raises(RowDamaged, match="queues/q/tasks/t"):
        unpack_task(task.name.queue, row(task, definition=definition))


def test_a_damaged_progress_is_refused() -> None:
    task = a_task("t")
    with pytest.raises(RowDamaged, match="queues/q/tasks/t"):
        unpack_task(task.name.queue, row(task, progress=b"noise"))


@pytest.mark.parametrize("columns", [(1, 0, b"noise"), (1, 0, "text"), (None, 0, pack_queue(a_queue()))])
def test_a_damaged_queue_is_refused(columns: Row) -> None:
    with pytest.raises(RowDamaged):
        unpack_queue(columns)


def test_a_field_added_later_reads_old_rows() -> None:
    """Kept by name: a row without a field gets the field's default."""
    task = a_task("t")
    old = b"\x94\x81\xa3url\xa1u\xc0\xc0\xc0"
    assert unpack_task(task.name.queue, row(task, definition=old)).target == HttpRequest("u")
