"""`/metrics` in Prometheus' text form. Counted elsewhere as plain integers; collected only when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class QueueGauge:
    """One queue, as its lane has it."""

    queue: str
    waiting: int
    open: int
    effective_rate: float


@dataclass(frozen=True, slots=True)
class Readings:
    """Where the numbers are read when somebody looks."""

    calls: Callable[[], Mapping[tuple[str, str], int]]
    attempts: Callable[[], Mapping[str, int]]
    delay_seconds: Callable[[], float]
    in_flight: Callable[[], int]
    queues: Callable[[], Iterable[QueueGauge]]
    log_entries_dropped: Callable[[], int]


class _Collector:
    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        read = self._readings
        calls = CounterMetricFamily("kumo_api_requests", "API calls by outcome.", labels=["method", "outcome"])
        for (method, outcome), count in sorted(read.calls().items()):
            calls.add_metric([method, outcome], count)
        yield calls
        attempts = CounterMetricFamily("kumo_task_attempts", "Attempts by response code.", labels=["response_code"])
        for code, count in sorted(read.attempts().items()):
            attempts.add_metric([code.lower()], count)
        yield attempts
        yield CounterMetricFamily(
            "kumo_task_attempt_delay_seconds",
            "Time from due to sent, summed over attempts.",
            value=read.delay_seconds(),
        )
        yield GaugeMetricFamily("kumo_attempts_in_flight", "Attempts open now.", value=read.in_flight())
        yield CounterMetricFamily(
            "kumo_log_entries_dropped",
            "Log entries that could not be kept.",
            value=read.log_entries_dropped(),
        )
        yield from self._queues()

    def _queues(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("kumo_queue_tasks_loaded", "Tasks held in memory.", labels=["queue"])
        opened = GaugeMetricFamily("kumo_queue_tasks_in_flight", "Tasks with an open attempt.", labels=["queue"])
        rate = GaugeMetricFamily("kumo_queue_effective_rate", "Dispatches per second now allowed.", labels=["queue"])
        for each in self._readings.queues():
            waiting.add_metric([each.queue], each.waiting)
            opened.add_metric([each.queue], each.open)
            rate.add_metric([each.queue], each.effective_rate)
        yield from (waiting, opened, rate)


class Metrics:
    """The page of `/metrics`."""

    def __init__(self, readings: Readings) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(readings))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def __call__(self) -> bytes:
        return generate_latest(self._registry)
