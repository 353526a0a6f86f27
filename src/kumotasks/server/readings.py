"""What the server shows of itself: the numbers behind `/metrics` and `/kumo/v1/queue-stats`."""

from __future__ import annotations

from kumotasks.api.metrics import QueueGauge, Readings
from kumotasks.dispatch.home import Berth, Homes
from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import QueueNotFound
from kumotasks.domain.names import parse_queue
from kumotasks.logs.journal import Journal
from kumotasks.server.dispatch import Dispatch
from kumotasks.service.gate import Gate


def readings(gate: Gate, dispatch: Dispatch, journal: Journal) -> Readings:
    counts = dispatch.delivery.counts
    return Readings(
        calls=lambda: gate.calls,
        attempts=lambda: counts.ended,
        delay_seconds=lambda: counts.delay / SECOND,
        in_flight=lambda: dispatch.scheduler.in_flight,
        queues=lambda: [_gauge(berth) for berth in dispatch.homes.berths.values()],
        log_entries_dropped=lambda: journal.dropped,
    )


def stats(homes: Homes, name: str) -> dict[str, object]:
    """What the lane of a queue holds. QueueNotFound where it is not at home."""
    wanted = parse_queue(name)
    for berth in homes.berths.values():
        if berth.lane.queue.name == wanted:
            gauge = _gauge(berth)
            return {
                "queue": gauge.queue,
                "state": berth.lane.queue.state.name,
                "loadedTasks": gauge.waiting,
                "concurrentDispatches": gauge.open,
                "effectiveDispatchesPerSecond": gauge.effective_rate,
            }
    raise QueueNotFound


def _gauge(berth: Berth) -> QueueGauge:
    lane = berth.lane
    rate = berth.throttle.rate(lane.queue.rate_limits.max_dispatches_per_second)
    return QueueGauge(lane.queue.name.text, lane.waiting, lane.open_count, rate)
