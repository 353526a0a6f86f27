"""The --filter language and --sort-by: the results were compared with gcloud's, row by row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.cli.client import Failure
from kumotasks.cli.show.filter import Filter
from kumotasks.cli.show.order import by_fields

Q = "projects/p1/locations/us-central1/queues/"
ITEMS: list[dict[str, object]] = [
    {
        "name": f"{Q}alpha",
        "state": "RUNNING",
        "limits": {"burst": 100, "rate": 500.0},
        "retry": {"attempts": -1, "backoff": "3600s"},
        "purgeTime": "2026-01-02T03:04:05.678901Z",
    },
    {
        "name": f"{Q}beta-two",
        "state": "PAUSED",
        "limits": {"burst": 10, "rate": 0.5},
        "retry": {"attempts": 3, "duration": "10s"},
        "routing": {"service": "Beta svc", "version": "no: 1", "host": "beta.p1.appspot.com"},
        "purgeTime": "2025-06-02T03:04:05Z",
        "target": {"headers": [{"key": "A"}, {"key": "C"}], "path": "", "port": "80"},
    },
    {"name": f"{Q}gamma", "state": "RUNNING", "limits": {"burst": 20, "rate": 1e-07}, "retry": {"attempts": 100}},
    {"name": f"{Q}alpha-beta", "state": "DISABLED"},
]
A, B, G, AB = "alpha", "beta-two", "gamma", "alpha-beta"


def names(items: list[object]) -> list[str]:
    return [str(item["name"]).rpartition("/")[2] for item in items if isinstance(item, dict)]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("", [A, B, G, AB]),
        ("name:alpha", [A, AB]),
        ("name=alpha", []),
        ("name:lpha", [A, AB]),
        ("name:alph*", []),
        ("name:ALPHA", [A, AB]),
        (f"name={Q}alpha", [A]),
        ("state=running", [A, G]),
        ("state!=RUNNING", [B, AB]),
        ("-state=RUNNING", [B, AB]),
        ("NOT state=RUNNING", [B, AB]),
        ("NOT NOT name:alpha", [A, AB]),
        ("NOT (name:alpha)", [B, G]),
        ("-(name:alpha)", [B, G]),
        ("not name:alpha", []),
        ("state=(RUNNING PAUSED)", [A, B, G]),
        ("state:(RUNNING,PAUSED)", [A, B, G]),
        ("state:(RUNNING OR PAUSED)", [A, B, G]),
        ("state=RUNNING AND name:alpha", [A]),
        ("state=RUNNING name:alpha", [A]),
        ("state=RUNNING OR name:beta-two name:two", [B]),
        ("(state=RUNNING OR name:beta) AND name:alpha", [A, AB]),
        ("state=RUNNING OR name:beta", [A, B, G, AB]),
        ("limits.burst>10", [A, G]),
        ("limits.burst>=10 AND limits.burst<100", [B, G]),
        ("limits.rate<1", [B, G, AB]),
        ("limits.burst=100.0", [A]),
        ("limits.burst=1", []),
        ("limits.burst:1*", [A, B]),
        ('limits.burst="100"', [A]),
        ("limits.burst=(10,20)", [B, G]),
        ("retry.attempts=-1", [A]),
        ("purgeTime>2025-12-01", [A]),
        ("purgeTime>-p100y", [A, B]),
        ("purgeTime<'2025-12-01T00:00:00Z'", [B]),
        ("purgeTime:*", [A, B]),
        ("-purgeTime:*", [G, AB]),
        ('purgeTime=""', [G, AB]),
        ("name~^al", []),
        ('name~"queues/al.*a$"', [A, AB]),
        ("name !~ alpha", [B, G]),
        ("state~run", []),
        ("target.headers.key=C", [B]),
        ("target.headers[].key:C", [B]),
        ("target.headers.len()>1", [B]),
        ("target.path:*", []),
        ("target.port=80", [B]),
        ("name.basename()=alpha", [A]),
        ("name.segment(5):gamma", [G]),
        ("alpha", [A, AB]),
        ("running", [A, G]),
        ('"Beta svc"', [B]),
        ("limits", []),
        ("100", [A, G]),
        ("routing:beta", [B]),
        ("routing:host", [B]),
        ("routing.service=beta", []),
        ("routing.service:b*c", [B]),
        ('routing.version:"no: 1"', [B]),
        ("retry.duration>2s", []),
        ("state>PAUSED", [A, G]),
        ("state>5", [A, B, G, AB]),
        ("nope=1", []),
        ("nope!=1", [A, B, G, AB]),
        ("nope<1", [A, B, G, AB]),
        ("nope>-1", []),
        ("name : alpha", [A, AB]),
        ("state:*ING", [A, G]),
    ],
)
def test_a_filter_finds_these(expression: str, found: list[str]) -> None:
    condition = Filter(expression)
    assert names([item for item in ITEMS if condition.holds(item)]) == found


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("state=RUNNING OR name:beta AND name:b", "Parenthesis grouping is required"),
        ("state=", "Term operand expected [state= *HERE*]."),
        ("=", "Term operand expected"),
        ("state=RUNNING AND", "Term expected"),
        ("(state=RUNNING", "expected"),
        ("state=RUNNING)", "Unexpected text"),
        ("state==RUNNING", "Malformed operator [state *HERE* ==RUNNING]."),
        ("name~*(", "Filter expression RE pattern [*]"),
        ("name:al*a*b", "At most one * expected"),
        ("name:'x", "Unterminated quote"),
        ("name.nope():x", "Unknown transform function nope"),
    ],
)
def test_a_filter_that_is_none_is_said_so(expression: str, sentence: str) -> None:
    with pytest.raises(Failure) as raised:
        Filter(expression).holds(ITEMS[0])
    assert sentence in str(raised.value)


def test_a_field_that_no_item_has_is_remembered() -> None:
    condition = Filter("nope=1 AND purgeTime:* AND state:*")
    for item in ITEMS:
        condition.holds(item)
    assert condition.unseen == ["nope"]


@given(st.text(alphabet="ab=:!<>~()*\"' -.[],ANDORT1", max_size=30))
def test_any_text_is_a_filter_or_one_clear_failure(expression: str) -> None:
    try:
        condition = Filter(expression)
        for item in ITEMS:
            condition.holds(item)
    except Failure:
        pass  # one clear sentence is all that may come of it


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ("name", [A, AB, B, G]),
        ("~name", [G, B, AB, A]),
        ("state,~name", [AB, B, G, A]),
        ("limits.burst", [B, G, A, AB]),
        ("~limits.burst", [AB, A, G, B]),
        ("purgeTime", [B, A, G, AB]),
    ],
)
def test_items_are_sorted_by_fields(fields: str, found: list[str]) -> None:
    assert names(by_fields(ITEMS, fields)) == found
