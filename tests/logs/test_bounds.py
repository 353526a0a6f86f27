"""What filters say about time, severity and logs, before any entry is looked at."""

from __future__ import annotations

import pytest

from kumotasks.logs.bounds import Bounds, bounds_of, may_be_in
from kumotasks.logs.filter import parse
from tests.factory import NOW

TIME = "2026-01-01T00:00:00Z"
LOG = "projects/p/logs/cloudtasks.googleapis.com%2Ftask_operations_log"


@pytest.mark.parametrize(
    ("filter", "bounds"),
    [
        ("", Bounds()),
        (f'timestamp>="{TIME}"', Bounds(low=NOW)),
        (f'timestamp>"{TIME}" timestamp<="2026-01-01T00:00:00.000001999Z"', Bounds(NOW, NOW + 1)),
        (f'timestamp="{TIME}"', Bounds(NOW, NOW)),
        (f'time_stamp<"{TIME}" AND severity>=WARNING', Bounds(high=NOW, least_severity=400)),
        ("severity=ERROR", Bounds(least_severity=500)),
        ("severity=(WARNING OR ERROR)", Bounds(least_severity=400)),
        (f'timestamp<"{TIME}" OR severity>=ERROR', Bounds()),
        (f'timestamp<"{TIME}" OR timestamp="{TIME}"', Bounds(high=NOW)),
        (f'NOT timestamp<"{TIME}"', Bounds()),
        ("severity<ERROR", Bounds()),
        ("severity!=ERROR", Bounds()),
        ("severity>=250", Bounds()),
        (f'timestamp!="{TIME}"', Bounds()),
        ("timestamp>=never", Bounds()),
        (f'labels.timestamp>="{TIME}"', Bounds()),
        (f'jsonPayload.severity=ERROR timestamp>="{TIME}"', Bounds(low=NOW)),
    ],
)
def test_a_filter_bounds_time_and_severity(filter: str, bounds: Bounds) -> None:
    assert bounds_of(parse(filter).expression) == bounds


@pytest.mark.parametrize(
    ("filter", "answer"),
    [
        ("", True),
        (f'logName="{LOG}"', True),
        (f'log_name="{LOG.upper()}"', True),
        ('logName="projects/p/logs/other"', False),
        ("logName:task_operations_log severity>=ERROR", True),
        ("logName:other severity>=ERROR", False),
        ("logName:other OR severity>=ERROR", True),
        ("logName:(other OR log)", True),
        ("NOT logName:task", False),
        ("-logName:other", True),
        ('logName=~"tasks.*log$"', True),
        ('logName!~"tasks.*log$"', False),
        ('log_id("cloudtasks.googleapis.com/task_operations_log")', True),
        ('log_id("other")', False),
        ('source("projects/p")', True),
        ('source("projects/q")', False),
        ('NOT (logName:task AND textPayload="x")', True),
    ],
)
def test_a_filter_rules_out_logs(filter: str, answer: bool) -> None:
    assert may_be_in(LOG, parse(filter).expression) is answer
