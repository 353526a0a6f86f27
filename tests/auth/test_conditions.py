"""Conditions of bindings: the expressions that IAM documents, and those that nobody should write."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumotasks.auth.conditions import MAX_EXPRESSION, check, extract, holds
from kumotasks.domain.errors import InvalidArgument

QUEUE = "projects/shop/locations/us-central1/queues/mail"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def true(expression: str, *, now: str = "2026-07-01T23:30:00", resource: str = QUEUE) -> bool:
    return holds(expression, now=at(now), resource=resource, service="cloudtasks.googleapis.com")


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        'request.time < timestamp("2027-01-01T00:00:00Z")',
        'request.time > timestamp("2026-07-01T23:29:59.999999Z") && request.time == timestamp("2026-07-01T23:30:00Z")',
        'request.time < timestamp("2026-07-01T23:00:00Z") + duration("31m")',
        "request.time.getHours() == 23 && request.time.getMinutes() == 30",
        'request.time.getHours("Europe/Berlin") == 1',
        'request.time.getHours("America/Los_Angeles") == 16',
        'request.time.getHours("-07:00") == 16',
        "request.time.getDayOfWeek() == 3",
        'request.time.getDayOfWeek("Europe/Berlin") == 4',
        'request.time.getDayOfWeek("Europe/Berlin") >= 1 && request.time.getDayOfWeek("Europe/Berlin") <= 5',
        "request.time.getDate() == 1 && request.time.getMonth() == 6 && request.time.getFullYear() == 2026",
        "request.time.getDayOfYear() == 181",
        f'resource.name == "{QUEUE}"',
        'resource.name.startsWith("projects/shop/locations/us-central1/queues/ma")',
        'resource.name.endsWith("/mail") && !resource.name.endsWith("/male")',
        'resource.name.extract("/queues/{queue}") == "mail"',
        'resource.name.extract("projects/{project}/") in ["shop", "warehouse"]',
        'resource.type == "cloudtasks.googleapis.com/Queue"',
        'resource.service == "cloudtasks.googleapis.com"',
        "request.time.getMinutes( 'Asia/Kolkata' ) == 0 && request.time.getHours(\"America/Argentina/Salta\") == 20",
        'request.time.getHours("UTC") == 23 && request.time.getHours("Etc/GMT+3") == 20',
        'resource.name.contains("central") ? true : false',
        "size(resource.name) > 3 || 1 / 0 == 1",
    ],
)  # fmt: skip
def test_these_hold(expression: str) -> None:
    check(expression)
    assert true(expression)
    assert not true(f"!({expression})")


@pytest.mark.parametrize(
    "expression",
    [
        "1 / 0 == 1",
        "timestamp(resource.name) < request.time",
        'request.time + duration("87660000h") > request.time',
        'resource.name.extract("no template") == ""',
        'resource.name.extract("{two}{holes}") == ""',
        'resource.name.extract("{}") == ""',
        "[1, 2][7] == 1",
        '{"a": 1}.b == 1',
    ],
)
def test_what_fails_while_it_is_judged_does_not_hold(expression: str) -> None:
    check(expression)
    assert not true(expression)
    assert not true(f"!({expression})")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "((",
        "1",
        "'yes'",
        "request.time",
        "dyn(true)",
        "request.tim < timestamp('2027-01-01T00:00:00Z')",
        "request == resource",
        "resource.name == 1",
        "resource.name.startsWith(1)",
        "resource.owner == 'ann'",
        "has(resource.name)",
        "[1].all(x, true)",
        "[1].exists(x, [1].exists(y, true))",
        "[1, 2].map(x, x) == [1]",
        "resource.name.matches('(x{999}){999}')",
        "api.getAttribute('x', [])",
        "open('/etc/passwd')",
        "true; true",
        "a" * (MAX_EXPRESSION + 1),
        "é" * (MAX_EXPRESSION // 2 + 1),
        "(" * 1_000,
        "(" * 100 + "true" + ")" * 100,
        "\ud800",
        "true\x00",
    ],
)
def test_what_could_never_be_judged_is_refused(expression: str) -> None:
    with pytest.raises(InvalidArgument):
        check(expression)
    assert not true(expression)


_PARTS = ["FullYear", "Month", "DayOfYear", "DayOfMonth", "Date", "DayOfWeek", "Hours", "Minutes", "Seconds"]
_NO_ZONES = [
    "'Nowhere/Town'",
    "'+20:00'",
    "'+01:99'",
    "'/dev/stdin'",
    "'../../../dev/stdin'",
    "'Europe/../../../dev/stdin'",
    "'./UTC'",
    "'Europe'",
    "'tzdata.zi'",
    "'leapseconds'",
    "''",
    "resource.name",
    "'/dev' + '/stdin'",
    "'UTC' + '/dev/stdin'",
    "dyn('UTC')",
    "'\\x2fdev/stdin'",
    "r'/dev/stdin'",
    "true ? '/dev/stdin' : ''",
    "('/dev/stdin')",
    "//\n'/dev/stdin'",
    '"""/dev/stdin"""',
    "'UTC', 'UTC'",
    "1",
    f"'{'x' * 300}'",
]


@pytest.mark.parametrize("part", [*_PARTS, "Milliseconds"])
@pytest.mark.parametrize("zone", _NO_ZONES)
def test_no_file_is_opened_but_that_of_a_time_zone(part: str, zone: str) -> None:
    """The engine would wait for ever on /dev/stdin, and all the server with it."""
    for expression in (
        f"request.time.get{part}({zone}) >= 0",
        f"request.time.get{part} // ('UTC')\n({zone}) >= 0",
        f"request.time . get{part}\n({zone}) >= 0",
        f"'(' == ')' || request.time.get{part}({zone}) >= 0 || ')' == '('",
        f"dyn(request.time).get{part}({zone}) >= 0",
    ):
        with pytest.raises(InvalidArgument):
            check(expression)
        assert not true(expression)


def test_a_refusal_says_what_is_wrong() -> None:
    with pytest.raises(InvalidArgument, match=r"undeclared reference to 'resource\.owner'"):
        check("resource.owner == 'ann'")
    with pytest.raises(InvalidArgument, match="expected, not INT"):
        check("1 + 1")
    with pytest.raises(InvalidArgument, match="There is no time zone Europe/Berln"):
        check("request.time.getHours('Europe/Berln') > 8")
    with pytest.raises(InvalidArgument, match="getHours takes nothing, or a time zone in quotes"):
        check("request.time.getHours(resource.name) > 8")


def test_an_expression_may_be_so_long() -> None:
    longest = "resource.name != '" + "x" * (MAX_EXPRESSION - 19) + "'"
    assert len(longest) == MAX_EXPRESSION
    check(longest)
    assert true(longest)
    with pytest.raises(InvalidArgument, match="at most 2048 bytes long"):
        check(longest.replace("'x", "'xx"))


OBJECT = "projects/_/buckets/acme-orders-aaa/objects/data_lake/orders/order_date=2019-11-03/aef87g87ae0876"


@pytest.mark.parametrize(  # the examples of IAM's own page on extract
    ("template", "found"),
    [
        ("/order_date={date}/", "2019-11-03"),
        ("buckets/{name}/", "acme-orders-aaa"),
        ("/orders/{empty}order_date", ""),
        ("{start}/objects/data_lake", "projects/_/buckets/acme-orders-aaa"),
        ("orders/{end}", "order_date=2019-11-03/aef87g87ae0876"),
        ("{all}", OBJECT),
        ("/orders/{none}/order_date=", ""),
        ("/orders/order_date=2019-11-03/{id}/data_lake", ""),
    ],
)
def test_extract_is_iams(template: str, found: str) -> None:
    assert extract(OBJECT, template) == found
    assert true(f"resource.name.extract('{template}') == '{found}'", resource=OBJECT)


@pytest.mark.parametrize("now", [-(10**18), 10**18])
def test_an_instant_out_of_range_makes_nothing_hold(now: int) -> None:
    assert not holds("true", now=now, resource=QUEUE, service="x")


def test_the_engine_is_loaded_with_the_first_condition() -> None:
    code = (
        "import sys; from kumotasks.auth import authorize, conditions; from kumotasks.service import policies;"
        "assert not any('cel_expr' in name for name in sys.modules);"
        "conditions.check('true'); assert 'cel_expr_python' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


_VOCABULARY = (
    "request.time resource.name resource.type resource.service timestamp duration ( ) [ ] { } . , ? : ! && || == != < "
    "<= + - * / % in true false null 'a' \"b\" 1 -1 1u 1.5 9223372036854775807 b'x' r'\\' ''' extract startsWith "
    "getHours size string int bool dyn type all exists has map matches x \\ \x00 é 🎈 //"
)
_WORDS = st.sampled_from(_VOCABULARY.split())


@settings(deadline=None, max_examples=400)
@given(st.text(max_size=60) | st.lists(_WORDS, max_size=20).map(" ".join) | st.lists(_WORDS, max_size=20).map("".join))
def test_whatever_is_written_is_judged_or_refused(expression: str) -> None:
    try:
        check(expression)
    except InvalidArgument:
        assert not true(expression)
    else:
        assert true(expression) in (True, False)


@settings(deadline=None, max_examples=200)
@given(st.text(), st.text())
def test_extract_takes_a_part_or_refuses(text: str, template: str) -> None:
    try:
        assert extract(text, template) in text
    except ValueError:
        assert (
            template.count("{") != 1
            or template.count("}") != 1
            or "{}" in template
            or template.find("}") < template.find("{")
        )
