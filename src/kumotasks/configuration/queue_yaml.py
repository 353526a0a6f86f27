"""App Engine's queue.yaml as queues: its names and units, its defaults, and what a push queue cannot be.

The defaults are those of a deployment of queue.yaml, not of CreateQueue: attempts without end, a bucket of 5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path as File

from kumotasks.configuration.document import read_text
from kumotasks.configuration.problem import Place, Problem, ordered, shown
from kumotasks.configuration.yaml_tree import Node, Tree, compose, place
from kumotasks.domain.clock import DAY, HOUR, MINUTE, SECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.names import LocationName, QueueName, parse_queue
from kumotasks.domain.queue import UNLIMITED, Caps, Queue, QueueState, RateLimits, RetryConfig
from kumotasks.domain.target import AppEngineRouting

MAX_BUCKET = 500  # App Engine: bucket_size
DEFAULT_BUCKET = 5
_DEFAULT_CONCURRENT = 1_000
_RETRY = RetryConfig(max_attempts=UNLIMITED)
_LONGEST = 315_576_000_000 * SECOND  # the longest google.protobuf.Duration
_MOST = 2**31 - 2

_TOP = ("queue", "total_storage_limit", "resume_paused_queues")  # App Engine: the last two concern deployments only
_QUEUE = (
    "name",
    "rate",
    "bucket_size",
    "max_concurrent_requests",
    "mode",
    "target",
    "retry_parameters",
    "acl",
)
_RETRIES = ("task_retry_limit", "task_age_limit", "min_backoff_seconds", "max_backoff_seconds", "max_doublings")
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_RATE = re.compile(r"(?P<count>\d{1,15}(?:\.\d*)?)/(?P<unit>[smhd])", re.ASCII)
_AGE = re.compile(r"(?P<count>\d{1,15}(?:\.\d*)?|\.\d+)(?P<unit>[smhd])", re.ASCII)
_SECONDS = re.compile(r"\d{1,15}(?:\.\d*)?|\.\d+", re.ASCII)
_WHOLE = re.compile(r"\d{1,15}", re.ASCII)
_TARGET = re.compile(r"(?:(?P<version>(?!-)[a-z\d-]{1,100})\.)?(?P<service>(?!-)[a-z\d-]{1,63})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """A queue of the file, and where its name stands. A rate of 0 makes it a paused one."""

    queue: Queue
    place: Place


@dataclass(frozen=True, slots=True)
class QueueYaml:
    """The file's queues in their order, without those that cannot be."""

    name: str
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]


def read(file: File, parent: LocationName, caps: Caps) -> QueueYaml:
    """Misconfigured if the file cannot be read or is no YAML."""
    return read_from(str(file), read_text(file), parent, caps)


def read_from(name: str, text: str, parent: LocationName, caps: Caps) -> QueueYaml:
    root, tree = compose(name, text), Tree(name)
    if root is None:
        return QueueYaml(name, (), ())
    top = tree.table(root, "queue.yaml", _TOP)
    described = tree.items(top["queue"], "queue") if "queue" in top else []
    entries: dict[QueueName, Entry] = {}
    for node in described:
        entry = _Reading(tree, parent, caps).entry(node)
        if entry is None:
            continue
        earlier = entries.setdefault(entry.queue.name, entry)
        if earlier is not entry:
            said = f"the queue {entry.queue.name.queue} is declared twice, first on line {earlier.place.line}."
            tree.problems.append(Problem(name, entry.place, said))
    return QueueYaml(name, tuple(entries.values()), tuple(ordered(tree.problems)))


class _Reading:
    """One queue of the file."""

    def __init__(self, tree: Tree, parent: LocationName, caps: Caps) -> None:
        self._tree = tree
        self._parent = parent
        self._caps = caps
        self._parts: dict[str, Node] = {}

    def entry(self, node: Node) -> Entry | None:
        self._parts = self._tree.table(node, "a queue", _QUEUE)
        if not self._parts:
            return None
        if not self._is_push():
            return None
        if "name" not in self._parts:
            self._tree.wrong(node, "name is missing.")
        name, rate = self._name(), self._rate(node)
        limits = RateLimits(
            rate or self._caps.max_dispatches_per_second,
            self._whole("bucket_size", MAX_BUCKET) or DEFAULT_BUCKET,
            self._whole("max_concurrent_requests", self._caps.max_concurrent_dispatches) or _DEFAULT_CONCURRENT,
        )
        state = QueueState.PAUSED if rate == 0 else QueueState.RUNNING
        retry, target = self._retry(), self._target()
        if name is None:
            return None
        return Entry(Queue(name, state, limits, retry, target), place(self._parts["name"]))

    def _is_push(self) -> bool:
        mode, acl = self._said("mode"), self._parts.get("acl")
        if mode == "pull":
            self._wrong("mode", "there are no pull queues here: a queue pushes its tasks, so leave mode away.")
            return False
        if mode not in (None, "push"):
            self._wrong("mode", f"mode is push, not {shown(mode)}.")
        if acl is not None:
            self._wrong("acl", "acl is for pull queues, which are not here.")
        return True

    def _name(self) -> QueueName | None:
        text = self._said("name")
        if text is None:
            return None
        try:
            return parse_queue(f"{self._parent}/queues/{text}")
        except InvalidArgument:
            self._wrong("name", "a queue's name is letters, digits and hyphens, at most 100.")
            return None

    def _rate(self, node: Node) -> float | None:
        """Dispatches per second."""
        text, most = self._said("rate"), self._caps.max_dispatches_per_second
        if text is None:
            if "rate" not in self._parts:
                self._tree.wrong(node, "rate is missing: a push queue has one, such as 5/s.")
            return None
        found = _RATE.fullmatch(text)
        if found is None and text != "0":
            self._wrong("rate", f"rate is a number and a unit, such as 5/s, 100/m, 20/h or 1/d, not {shown(text)}.")
            return None
        rate = round(float(found["count"]) / (_UNITS[found["unit"]] / SECOND), 9) if found else 0.0
        if rate > most:
            self._wrong("rate", f"rate is at most {most:g}/s, not {shown(text)}.")
            return None
        return rate

    def _target(self) -> AppEngineRouting | None:
        text = self._said("target")
        if text is None:
            return None
        found = _TARGET.fullmatch(text)
        if found is None:
            self._wrong("target", f"target is SERVICE or VERSION.SERVICE, not {shown(text)}.")
            return None
        return AppEngineRouting(found["service"], found["version"] or "")

    def _retry(self) -> RetryConfig:
        if "retry_parameters" not in self._parts:
            return _RETRY
        outer = self._parts
        self._parts = self._tree.table(outer["retry_parameters"], "retry_parameters", _RETRIES)
        retries, doublings = self._whole("task_retry_limit", _MOST), self._whole("max_doublings", _MOST)
        config = replace(
            _RETRY,
            max_attempts=UNLIMITED if retries is None else retries + 1,  # the first attempt is no retry
            max_retry_duration=self._age(),
            max_doublings=_RETRY.max_doublings if doublings is None else doublings,
        )
        config = self._backoffs(config)
        self._parts = outer
        return config

    def _backoffs(self, config: RetryConfig) -> RetryConfig:
        """App Engine: of the two, one that is not given follows the other where its default would contradict it."""
        least, most = self._seconds("min_backoff_seconds"), self._seconds("max_backoff_seconds")
        if least is not None and most is not None:
            if least > most:
                self._wrong("min_backoff_seconds", "min_backoff_seconds is at most max_backoff_seconds.")
                return config
            return replace(config, min_backoff=least, max_backoff=most)
        if least is not None:
            return replace(config, min_backoff=least, max_backoff=max(least, config.max_backoff))
        if most is not None:
            return replace(config, min_backoff=min(most, config.min_backoff), max_backoff=most)
        return config

    def _age(self) -> int | None:
        """In µs."""
        text = self._said("task_age_limit")
        if text is None:
            return None
        found = _AGE.fullmatch(text)
        age = round(float(found["count"]) * _UNITS[found["unit"]]) if found else 0
        if 0 < age <= _LONGEST:
            return age
        self._wrong("task_age_limit", f"task_age_limit is above 0, with a unit: 30s, 10m, 4h or 2d, not {shown(text)}.")
        return None

    def _seconds(self, name: str) -> int | None:
        """In µs."""
        text = self._said(name)
        if text is None:
            return None
        seconds = round(float(text) * SECOND) if _SECONDS.fullmatch(text) else -1
        if 0 <= seconds <= _LONGEST:
            return seconds
        self._wrong(name, f"{name} is a number of seconds, such as 0.5 or 10, not {shown(text)}.")
        return None

    def _whole(self, name: str, most: int) -> int | None:
        text = self._said(name)
        if text is None:
            return None
        if _WHOLE.fullmatch(text) and int(text) <= most:
            return int(text)
        self._wrong(name, f"{name} is a whole number from 0 to {most}, not {shown(text)}.")
        return None

    def _said(self, name: str) -> str | None:
        return self._tree.text(self._parts[name], name) if name in self._parts else None

    def _wrong(self, name: str, sentence: str) -> None:
        self._tree.wrong(self._parts[name], sentence)
