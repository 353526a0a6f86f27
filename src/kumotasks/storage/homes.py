"""Operations on who is home of a queue, by the names of their verbs in `store.py`, which describes them.

A queue is homeless or held by a node; a node that is no more holds nothing. So whoever takes first buries the nodes
whose lease has ended, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from kumotasks.domain.bucket import Bucket
from kumotasks.storage.operation import Ask, AskEach, Asking, Done, Operation, Row
from kumotasks.storage.rows import columns, unpack_bucket, unpack_queue
from kumotasks.storage.rumour import HomesFreed
from kumotasks.storage.store import Home, OpenAttempt, Standing
from kumotasks.storage.tasks import version

_ALL = 2**62


def join(node: str, length: int) -> Operation[None]:
    yield Ask("join_node", (node, length))
    return Done(None)


def renew(node: str, length: int) -> Operation[Standing | None]:
    rows = yield Ask("renew_node", (node, length))
    if rows[0][0] == 0:
        return Done(None)
    row = (yield Ask("standing", (node,)))[0]
    nodes, queues, held, homeless, lapsed, rank = columns(row, tuple[int, int, int, int, int, int])
    return Done(Standing(nodes, queues, held, homeless, lapsed > 0, rank))


def take_homes(node: str, limit: int | None) -> Operation[list[Home]]:
    yield from _bury_lapsed()
    if not (yield Ask("node_lives", (node,))):
        return Done([])
    rows = yield Ask("homeless_queues", (_ALL if limit is None else limit,))
    homes = [_home(row) for row in rows]
    if not homes:
        return Done([])
    yield AskEach("hold_queue", [(node, home.stored.number) for home in homes])
    attempts = yield from _open_attempts([home.stored.number for home in homes])
    taken = [replace(home, open=tuple(attempts.get(home.stored.number, ()))) for home in homes]
    return Done(taken, seen=(yield from version()))


def _home(row: Row) -> Home:
    """From number, generation, settings, fresh, the bucket's four columns, the first schedule time, the epoch."""
    next_due = cast("int | None", row[8])
    return Home(unpack_queue(row[:3]), unpack_bucket(row[4:8]), row[3] == 1, next_due, cast("int", row[9]))


def release_homes(node: str, buckets: Sequence[tuple[int, Bucket]], attempts: Sequence[OpenAttempt]) -> Operation[None]:
    held = {number for number, _ in buckets}
    if attempts:
        rows = yield Ask("homes_held", (node,))
        held &= {columns(row, tuple[int])[0] for row in rows}
    yield AskEach(
        "hand_over_attempt",
        [
            (each.number, each.attempt, each.task, each.serial, node, each.deadline)
            for each in attempts
            if each.number in held
        ],
    )
    yield AskEach(
        "release_queue",
        [(bucket.rate, bucket.burst, bucket.level, bucket.at, number, node) for number, bucket in buckets],
    )
    return Done(None, rumours=(HomesFreed(),))


def release_others(node: str, known: Sequence[int]) -> Operation[None]:
    held = [columns(row, tuple[int])[0] for row in (yield Ask("homes_held", (node,)))]
    unknown = sorted(set(held) - set(known))
    yield AskEach("release_queue", [(None, None, None, None, number, node) for number in unknown])
    return Done(None, rumours=(HomesFreed(),))


def resign(node: str) -> Operation[None]:
    yield Ask("resign_node", (node,))
    return Done(None)


def leave(node: str) -> Operation[None]:
    yield from _bury(node)
    yield Ask("leave_node", (node,))
    return Done(None, rumours=(HomesFreed(),))


def open_attempts(numbers: Sequence[int]) -> Operation[list[OpenAttempt]]:
    yield from _bury_lapsed()
    found = yield from _open_attempts(numbers)
    return Done([attempt for number in sorted(found) for attempt in found[number]])


def _open_attempts(numbers: Sequence[int]) -> Asking[dict[int, list[OpenAttempt]]]:
    wanted = frozenset(numbers)
    found: dict[int, list[OpenAttempt]] = {}
    for row in (yield Ask("open_attempts")):
        attempt = OpenAttempt(*columns(row, tuple[int, str, str, int, str, int]))
        if attempt.number in wanted:
            found.setdefault(attempt.number, []).append(attempt)
    return found


def _bury_lapsed() -> Asking[None]:
    for row in (yield Ask("lapsed_nodes")):
        yield from _bury(columns(row, tuple[str])[0])


def _bury(node: str) -> Asking[None]:
    """What a node that is no more leaves: homeless queues, without a bucket, and attempts that nobody will settle."""
    yield Ask("void_homes_of", (node,))
    yield Ask("void_attempts_of", (node,))


def void_homes() -> Operation[None]:
    """Whoever held a queue is gone: with one server to a store, every home of before its start."""
    yield Ask("void_homes")
    yield Ask("void_attempts")
    yield Ask("forget_vain_runs")
    return Done(None)
