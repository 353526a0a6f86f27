"""What --format makes of a list: the results were compared with gcloud's, row by row."""

# ruff: noqa: E501 - tables: a row is a line

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kumotasks.cli.client import Failure
from kumotasks.cli.show.output import text
from kumotasks.cli.show.projection import parse
from kumotasks.cli.tasks.queues import COMMANDS, LIST

Q = "projects/p1/locations/us-central1/queues/"
ALPHA: Mapping[str, object] = {
    "name": f"{Q}alpha",
    "purgeTime": "2026-01-02T03:04:05.678901Z",
    "rateLimits": {"maxBurstSize": 100, "maxConcurrentDispatches": 1000, "maxDispatchesPerSecond": 500.0},
    "retryConfig": {"maxAttempts": -1, "maxBackoff": "3600s"},
    "state": "RUNNING",
}
BETA: Mapping[str, object] = {
    "httpTarget": {
        "headerOverrides": [{"header": {"key": "A", "value": "b"}}, {"header": {"key": "C", "value": "d, e"}}]
    },
    "name": f"{Q}beta-two",
    "rateLimits": {"maxBurstSize": 10, "maxConcurrentDispatches": 5, "maxDispatchesPerSecond": 0.5},
    "retryConfig": {"maxAttempts": 3},
    "routing": {"instance": "multi\nline", "service": "日本語", "version": "'quoted' \"x\" and, comma"},
    "state": "PAUSED",
}
GAMMA: Mapping[str, object] = {"name": f"{Q}gamma", "state": "DISABLED"}


OWN = next(each.transforms or {} for each in COMMANDS if each.words == "tasks queues list")


def shown(form: str, *, single: bool = False) -> str:
    items = [ALPHA] if single else [ALPHA, BETA, GAMMA]
    return text(parse(form, LIST), items, single=single, own=OWN)


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        ("value(name)", ["alpha", "beta-two", "gamma"]),
        ("get(name)", [f"{Q}alpha", f"{Q}beta-two", f"{Q}gamma"]),
        ("value(NAME,State)", [f"{Q}alpha\tRUNNING", f"{Q}beta-two\tPAUSED", f"{Q}gamma\tDISABLED"]),
        ("value(rate_limits.max_burst_size)", ["100", "10", ""]),
        ("value(name.segment(3),state.lower())", ["us-central1\trunning", "us-central1\tpaused", "us-central1\tdisabled"]),
        ("value(name.scope(queues))", ["alpha", "beta-two", "gamma"]),
        ("value(retryConfig.maxAttempts)", ["unlimited", "3", "unlimited"]),
        ("value(retryConfig.maxAttempts.yesno(yes=Y,no=N))", ["Y", "Y", "N"]),
        ("value(httpTarget.headerOverrides[].header.key)", ["", "A;C", ""]),
        ("value(httpTarget.headerOverrides[1].header.key)", ["", "C", ""]),
        ("value(httpTarget.headerOverrides[].header.key.list())", ["", "A,C", ""]),
        ("value(httpTarget.headerOverrides[].header.key.join(-))", ["", "A-C", ""]),
        ("value(httpTarget.headerOverrides.len(),name.len())", ["0\t46", "2\t49", "0\t46"]),
        ("value(httpTarget.headerOverrides.*len())", ["", "1;1", ""]),
        ("value(rateLimits.list(show=keys))", ["maxBurstSize,maxConcurrentDispatches,maxDispatchesPerSecond"] * 2 + [""]),
        ('value(rateLimits.list(show=values,separator="|"))', ["100|1000|500.0", "10|5|0.5", ""]),
        ("value(purgeTime.date())", ["2026-01-02T03:04:05", "", ""]),
        ("value(purgeTime.date('%Y-%m-%d %H:%M',tz=Asia/Tokyo))", ["2026-01-02 12:04", "", ""]),
        ('value(name.split("/").slice(1:3),state.sub("(U.)","[\\1]"))', ["p1;locations\tR[UN]NING", "p1;locations\tPA[US]ED", "p1;locations\tDISABLED"]),
        ('value(format("{0}!",state),firstof(nope,state))', ["RUNNING!\tRUNNING", "PAUSED!\tPAUSED", "DISABLED!\tDISABLED"]),
        ("value(retryConfig.maxBackoff.duration(),rateLimits.maxBurstSize.size())", ["PT1H\t100 bytes", "\t10 bytes", "\t0"]),
        ("value(state.encode(base64),state.encode(base64).decode(base64))", ["UlVOTklORw==\tRUNNING", "UEFVU0VE\tPAUSED", "RElTQUJMRUQ=\tDISABLED"]),
        ('value[separator=","](name,state)', ["alpha,RUNNING", "beta-two,PAUSED", "gamma,DISABLED"]),
        ("csv[no-heading](name,rateLimits.maxBurstSize)", ["alpha,100", "beta-two,10", "gamma,"]),
        ("csv(name,routing.version,state)", ["queue_name,version,state", "alpha,,RUNNING", "beta-two,\"'quoted' \"\"x\"\" and, comma\",PAUSED", "gamma,,DISABLED"]),
        ("csv(name:label=x,httpTarget.headerOverrides[].header.value)", ["x,value", "alpha,", 'beta-two,b;"d, e"', "gamma,"]),
        ("table(name,state:label=ST)", ["QUEUE_NAME  ST", "alpha       RUNNING", "beta-two    PAUSED", "gamma       DISABLED"]),
        ("table[no-heading](name,state)", ["alpha     RUNNING", "beta-two  PAUSED", "gamma     DISABLED"]),
        ("table(name,rateLimits.maxBurstSize:sort=1:align=right)", ["QUEUE_NAME  MAX_BURST_SIZE", "beta-two                10", "alpha                  100", "gamma"]),
        ("table(name,rateLimits.maxBurstSize:sort=1:reverse)", ["QUEUE_NAME  MAX_BURST_SIZE", "gamma", "alpha       100", "beta-two    10"]),
        ("table(name,routing.service,routing.instance)", ["QUEUE_NAME  SERVICE  INSTANCE", "alpha", "beta-two    日本語   multi", "                     line", "gamma"]),
        ("value(name.basename():alias=N,N)", ["alpha\talpha", "beta-two\tbeta-two", "gamma\tgamma"]),
        ("value[no-transforms](name.basename())", [f"{Q}alpha", f"{Q}beta-two", f"{Q}gamma"]),
        ("value(format('{0}-{1}',name.basename(),state.lower()))", ["alpha-running", "beta-two-paused", "gamma-disabled"]),
        ("value(synthesize((name:x,id=state)))", ["{'name': 'x', 'id': 'RUNNING'}", "{'name': 'x', 'id': 'PAUSED'}", "{'name': 'x', 'id': 'DISABLED'}"]),
        ("value(rateLimits.maxBurstSize.size(units_in=KiB,units_out=MiB))", ["0.1", "0", "0"]),
        ("value(rateLimits.flatten(show=values))", ["100,1000,500.0", "10,5,0.5", ""]),
        ("table(name,purgeTime:optional,routing.nope:optional)", ["QUEUE_NAME  PURGE_TIME", "alpha       2026-01-02T03:04:05.678901Z", "beta-two", "gamma"]),
        ("table(name,httpTarget.headerOverrides:format='table(header.key,header.value)')", ["QUEUE_NAME", "alpha", "beta-two", "    KEY  VALUE", "    A    b", "    C    d, e", "gamma"]),
        ("multi(state:format='value(.)',rateLimits:format=json)", ["RUNNING", "{", '  "maxBurstSize": 100,', '  "maxConcurrentDispatches": 1000,', '  "maxDispatchesPerSecond": 500.0', "}", "PAUSED", "{", '  "maxBurstSize": 10,', '  "maxConcurrentDispatches": 5,', '  "maxDispatchesPerSecond": 0.5', "}", "DISABLED"]),
        ("list[compact](name,state)", [" - alpha RUNNING", " - beta-two PAUSED", " - gamma DISABLED"]),
        ("table[title=Hello](name)", ["  Hello", "QUEUE_NAME", "alpha", "beta-two", "gamma"]),
    ],
)  # fmt: skip
def test_a_projection_gives_these_lines(form: str, lines: list[str]) -> None:
    assert shown(form) == "".join(f"{line}\n" for line in lines)


def test_the_commands_own_table_is_kept_and_can_be_adorned() -> None:
    assert shown("").splitlines()[1] == "alpha       RUNNING   1000              500.0            unlimited"
    assert shown("[box]").splitlines()[:4] == [
        "┌────────────┬──────────┬──────────────────┬─────────────────┬──────────────┐",
        "│ QUEUE_NAME │  STATE   │ MAX_NUM_OF_TASKS │ MAX_RATE (/sec) │ MAX_ATTEMPTS │",
        "├────────────┼──────────┼──────────────────┼─────────────────┼──────────────┤",
        "│ alpha      │ RUNNING  │ 1000             │ 500.0           │ unlimited    │",
    ]


def test_headings_that_would_be_alike_begin_earlier() -> None:
    form = parse("table(a.host,b.c.host)")
    assert text(form, [{"a": {"host": "x"}}], single=False, own={}).splitlines()[0] == "HOST  C_HOST"


def test_yaml_is_as_gcloud_writes_it() -> None:
    assert shown("yaml").split("---\n")[2] == (
        "httpTarget:\n  headerOverrides:\n  - header:\n      key: A\n      value: b\n  - header:\n      key: C\n"
        f"      value: d, e\nname: {Q}beta-two\nrateLimits:\n  maxBurstSize: 10\n  maxConcurrentDispatches: 5\n"
        "  maxDispatchesPerSecond: 0.5\nretryConfig:\n  maxAttempts: 3\nrouting:\n  instance: |-\n    multi\n    line\n"
        '  service: 日本語\n  version: "\'quoted\' \\"x\\" and, comma"\nstate: PAUSED\n'
    )
    assert "purgeTime: '2026-01-02T03:04:05.678901Z'\n" in shown("yaml", single=True)
    assert not shown("yaml", single=True).startswith("---")


def test_json_shows_a_projection_at_its_place() -> None:
    assert shown("json(name.basename(),rateLimits.maxBurstSize)", single=True) == (
        '{\n  "name": "alpha",\n  "rateLimits": {\n    "maxBurstSize": 100\n  }\n}\n'
    )
    assert shown("json(nope)") == "[\n  null,\n  null,\n  null\n]\n"


def test_text_is_one_field_a_line() -> None:
    assert shown("text(name,retryConfig)", single=True) == (
        f"queue_name:              {Q}alpha\nretryConfig.maxAttempts: -1\nretryConfig.maxBackoff:  3600s\n"
    )


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("bogus", "Format must be one of"),
        ("jsn", "Did you mean json?"),
        ("csv", "requires a non-empty projection"),
        ("object", "The format [object] is left out: it shows how gcloud's own program holds a resource"),
        ("diff(name)", "The format [diff] is left out"),
        ("multi(name)", "multi shows each key by a format of its own: name:format=json, say."),
        ("value(name.if(quiet))", "The transform if is left out: it asks which flags a line has"),
        ("value(nums.filter(a=1))", "The transform filter is left out: --filter chooses what is shown."),
        ("value(name.group())", "The transform group is left out"),
        ("value(synthesize((a))", "More tokens expected"),
        ("table(name.bogus())", "Unknown transform function bogus"),
        ("table(name", "More tokens expected"),
        ("value(a b)", "Expected ) in projection expression"),
        ("value(name:foo=1)", "Unknown key attribute foo=1"),
        ('value(state.sub("(","x"))', "Expression RE pattern"),
        ('value(format("{9}",state))', "format({9})"),
        ("value(name.segment(x))", "segment"),
        ("value(name.slice(a:b))", "slice"),
        ("value(purgeTime.date(tz=Nowhere/No))", "no time zone"),
        ("value(name.", "Name expected"),
    ],
)
def test_an_expression_that_is_none_is_said_so(form: str, sentence: str) -> None:
    with pytest.raises(Failure) as raised:
        shown(form)
    assert sentence in str(raised.value)
