"""Google's filter language: what is understood, what it matches, and how it is refused."""

import itertools
import json
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.errors import InvalidArgument
from kumotasks.logs.document import path_of
from kumotasks.logs.expression import And, Anywhere, Comparison, Expression, Not, Or, Present
from kumotasks.logs.filter import Filter, parse
from kumotasks.logs.values import Operator, literal

QUEUE = {
    "name": "projects/p/locations/us-central1/queues/mail",
    "state": "PAUSED",
    "rateLimits": {"maxDispatchesPerSecond": 12.5, "maxBurstSize": 10, "maxConcurrentDispatches": 1000},
    "retryConfig": {"maxAttempts": 5, "minBackoff": "0.100s", "maxBackoff": "3600s", "maxDoublings": 16},
    "purgeTime": "2026-10-02T15:01:23.045Z",
    "httpTarget": {
        "uriOverride": {"host": "example.com", "port": "8080"},
        "headerOverrides": [{"header": {"key": "X-A", "value": "1"}}, {"header": {"key": "X-B", "value": "2"}}],
    },
}

ENTRY = {
    "logName": "projects/p/logs/cloudtasks.googleapis.com%2Ftask_operations_log",
    "resource": {
        "type": "cloud_tasks_queue",
        "labels": {"project_id": "p", "location": "us-central1", "queue_id": "mail", "target_type": "HTTP"},
    },
    "severity": "ERROR",
    "timestamp": "2026-09-05T20:38:23.111491Z",
    "insertId": "0017",
    "labels": {"a.b": "dotted", "env_name": "prod", "empty": ""},
    "httpRequest": {"status": 503, "latency": "1.5s", "remoteIp": "10.1.2.3", "requestUrl": "/a"},
    "jsonPayload": {
        "@type": "type.googleapis.com/google.cloud.tasks.logging.v1.TaskActivityLog",
        "task": "projects/p/locations/us-central1/queues/mail/tasks/061918",
        "message": 'The Cat in the Hat\nfield1="bar baz"',
        "attemptResponseLog": {"dispatchCount": "10", "maxAttempts": 0, "status": "UNAVAILABLE"},
        "shoeSize": [8.5, 9, 6],
        "tags": ["red", "Blue"],
        "nothing": None,
        "flag": True,
        "ranges": ["10.1.2.0/25", "bad"],
    },
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("  \n -- nothing but a remark", True),
        ("state: PAUSED", True),
        ("state:RUNNING", False),
        ("state = paused", True),
        ("state = PAUS", False),
        ("state > RUNNING", True),
        ("state < PAUSED", False),
        ("state != RUNNING", True),
        ("state = nonsense", False),
        ("state != nonsense", False),
        ("rateLimits.maxDispatchesPerSecond > 10", True),
        ("rate_limits.max_dispatches_per_second > 10", True),
        ("rateLimits.maxDispatchesPerSecond > 12.5", False),
        ("rateLimits.maxDispatchesPerSecond >= 1.25e1", True),
        ('rateLimits.maxDispatchesPerSecond = "12.50"', True),
        ("rateLimits.maxDispatchesPerSecond < Infinity", True),
        ("rateLimits.maxDispatchesPerSecond = NaN", False),
        ("rateLimits.maxDispatchesPerSecond != NaN", True),
        ("rateLimits.maxConcurrentDispatches : 1000", True),
        ("rateLimits.maxConcurrentDispatches : 100", False),
        ("rateLimits.maxConcurrentDispatches = ten", False),
        ("retryConfig.minBackoff = 100ms", True),
        ("retryConfig.minBackoff < 1s", True),
        ("retryConfig.maxBackoff = 1h", True),
        ("retryConfig.maxBackoff > 59m", True),
        ('retryConfig.maxBackoff >= "3600.000000001s"', False),
        ("retryConfig.maxDoublings > -1", True),
        ("retryConfig.maxDoublings > +20", False),
        ("retryConfig.maxRetryDuration > 1s", False),
        ("NOT retryConfig.maxRetryDuration > 1s", True),
        ("retryConfig.maxRetryDuration != 1s", False),
        ("retryConfig.maxRetryDuration:*", False),
        ("retryConfig:*", True),
        ('purgeTime >= "2026-10-02"', True),
        ('purgeTime = "2026-10-02T17:01:23.045+02:00"', True),
        ('purgeTime < "2026-10-02T15:01:23.0450001Z"', True),
        ('purgeTime > "2026-10-02T15:01:23.045000Z"', False),
        ("httpTarget.uriOverride.port > 999", True),
        ("httpTarget.uriOverride.port = 8080.0", True),
        ("httpTarget.headerOverrides.header.key = x-b", True),
        ("httpTarget.headerOverrides.header.key = x-c", False),
        ("httpTarget:example", True),
        ("httpTarget.uriOverride:HOST", True),
        ("httpTarget = example", False),
        ("httpTarget != example", False),
        ("name:queues/mail", True),
        ('name =~ "queues/m[a-z]+$"', True),
        ("noSuchField = 1", False),
        ("state.deeper = 1", False),
    ],
)
def test_a_queue_is_judged(text: str, expected: bool) -> None:
    assert parse(text).matches(QUEUE) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What the command line tools send.
        (
            'timestamp>="2026-09-04T20:38:23Z" AND resource.type="cloud_tasks_queue" AND jsonPayload.task:"061918"',
            True,
        ),
        (
            (
                "resource.type = cloud_tasks_queue \n AND resource.labels.queue_id = mail \n AND severity >= DEFAULT \n"
                ' AND resource.labels.location = us-central1 \n AND timestamp>="2026-01-01T00:00:00Z"'
            ),
            True,
        ),
        ("severity>=ERROR", True),
        ("severity>error", False),
        ("severity>=WARNING severity<CRITICAL", True),
        ("severity=500", True),
        ("severity:ERR", False),
        ('severity=(WARNING OR "ERROR")', True),
        # Precedence: NOT, then OR, then AND.
        ('"nowhere" OR NOT "nowhere" AND NOT "cat" OR "hat"', True),
        ('"cat" OR "hat" AND "nowhere"', False),
        ('"cat" OR ("hat" AND "nowhere")', True),
        ("cat hat", True),
        ("cat -hat", False),
        ("cat -(nowhere hat)", True),
        ("cat NOT(nowhere)", True),
        ("cat and nowhere", False),
        ("(cat AND (bat OR hat))", True),
        # Anything anywhere.
        ('"the cat in THE hat"', True),
        ("503", True),
        ("50", False),
        ("true", True),
        ("false", False),
        ("cat -- hat nowhere", True),
        # Fields.
        ('labels."a.b" = dotted', True),
        ("labels.env_name = PROD", True),
        ("labels.envName = prod", False),
        ("labels:env_name", True),
        ("json_payload.flag = True", True),
        ("jsonPayload.flag > false", True),
        ("jsonPayload.flag = yes", False),
        ('jsonPayload."@type":TaskActivityLog', True),
        ("labels.empty:*", True),
        ('labels.empty = ""', True),
        ("labels.missing:*", False),
        ("-labels.missing:*", True),
        ("jsonPayload.missing != foo", False),
        ("NOT jsonPayload.missing = foo", True),
        # Null.
        ("jsonPayload.nothing = NULL_VALUE", True),
        ("jsonPayload.nothing : NULL_VALUE", True),
        ("jsonPayload.flag = NULL_VALUE", False),
        ("jsonPayload.flag != NULL_VALUE", True),
        ("jsonPayload.nothing >= NULL_VALUE", False),
        ("jsonPayload.missing = NULL_VALUE", False),
        ('jsonPayload.nothing = "NULL_VALUE"', False),
        ("jsonPayload.nothing:*", True),
        # Lists: any member.
        ("jsonPayload.shoeSize < 7", True),
        ("jsonPayload.shoeSize < 6", False),
        ("jsonPayload.shoeSize != 9", True),
        ("jsonPayload.tags = (red AND blue)", True),
        ("jsonPayload.tags:(green OR lu)", True),
        ("jsonPayload.tags:(red -blue)", False),
        ("jsonPayload.shoeSize = (-5 OR 9)", True),
        # Strings stay strings inside a payload; declared fields have their types.
        ("jsonPayload.attemptResponseLog.dispatchCount < 9", True),
        ("jsonPayload.attemptResponseLog.maxAttempts < 9", True),
        ("insertId = 17", False),
        ("httpRequest.latency > 1400ms", True),
        ("timestamp < 2026-09-06", True),
        # A declared field that is absent has its default.
        ("operation.id = foo", False),
        ('operation.id = ""', True),
        ("operation.id:*", False),
        ("httpRequest.cacheHit = false", True),
        # Regular expressions: case counts, nothing is anchored, only texts are judged.
        ('jsonPayload.message =~ "Cat.*Hat"', True),
        ('jsonPayload.message =~ "cat"', False),
        ('jsonPayload.message =~ "(?i)cat"', True),
        ('jsonPayload.message !~ "Dog"', True),
        ('jsonPayload.message =~ "field1=\\"bar.*\\""', True),
        (r'jsonPayload.task =~ "\\d{6}$"', True),
        (r'jsonPayload.task =~ "\d{6}$"', True),
        ('labels.env_name =~ ("^prod" OR "^staging")', True),
        ("labels.env_name =~ ^pro", True),
        ("httpRequest.status =~ 503", False),
        ("httpRequest.status !~ 404", False),
        ("jsonPayload.missing !~ a", False),
        # Functions.
        ('log_id("cloudtasks.googleapis.com/task_operations_log")', True),
        ("LOG_ID(cloudtasks.googleapis.com/other)", False),
        ("source(projects/p)", True),
        ("source(projects/q)", False),
        ('ip_in_net(httpRequest.remoteIp, "10.1.2.0/24")', True),
        ('ip_in_net(httpRequest.remoteIp, "10.1.3.0/24")', False),
        ('ip_in_net(httpRequest.remoteIp, "1:2::/48")', False),
        ('ip_in_net(jsonPayload.ranges, "10.1.2.0/24")', True),
        ('ip_in_net(jsonPayload.ranges, "10.1.2.0/26")', False),
        ('ip_in_net(jsonPayload.missing, "10.1.2.0/26")', False),
        ("sample(insertId, 1)", True),
        ("sample(jsonPayload.missing, 1)", False),
        ("sample(insertId, 0.000001)", False),
        ('SEARCH("cat HAT")', True),
        ('SEARCH("ca")', False),
        ('SEARCH(jsonPayload.message, "hat cat")', True),
        ('SEARCH(jsonPayload.message, "cat prod")', False),
        ('SEARCH("cat prod")', True),
        ('SEARCH("`in the hat`")', True),
        ('SEARCH("`hat the in`")', False),
        ('SEARCH("`at in the`")', False),
        ('SEARCH("`the ca`")', False),
        ('SEARCH("`the` nowhere")', False),
    ],
)
def test_a_log_entry_is_judged(text: str, expected: bool) -> None:
    assert parse(text).matches(ENTRY) is expected


def test_an_entry_without_severity_is_of_the_default_one() -> None:
    assert parse("severity >= DEFAULT").matches({"textPayload": "x"})
    assert not parse("severity > DEFAULT").matches({"textPayload": "x"})


_SEVERITIES = ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"]


@pytest.mark.parametrize(("earlier", "later"), list(itertools.pairwise(_SEVERITIES)))
def test_severities_are_ordered(earlier: str, later: str) -> None:
    assert parse(f"severity > {earlier}").matches({"severity": later})
    assert not parse(f"severity >= {later}").matches({"severity": earlier})


@pytest.mark.parametrize(
    ("left", "right"),
    [("ﬁle", "FILE"), ("STRASSE", "straße"), ("Ａ１", "a1"), ("é", "E\N{COMBINING ACUTE ACCENT}")],
)
def test_compatible_forms_and_letter_cases_are_one_text(left: str, right: str) -> None:
    assert parse(f'textPayload = "{left}"').matches({"textPayload": right})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"a\"b"', 'a"b'),
        (r"'a\'b'", "a'b"),
        (r'"a\tb\nc"', "a\tb\nc"),
        (r'"\x41\101A\U0001F600"', "AAA\U0001f600"),
        (r'"\\d"', r"\d"),
        (r'"\d"', r"\d"),
        ("us-central1", "us-central1"),
        ("google.iam.v1.X%2Fy", "google.iam.v1.X%2Fy"),
        ("-2.5e-3", "-2.5e-3"),
        ("don't", "don't"),
        ("hey!", "hey!"),
        ("a--b", "a--b"),
    ],
)
def test_a_value_means_its_text(written: str, meant: str) -> None:
    assert parse(f"f = {written}").expression == Comparison(path_of(("f",)), Operator.EQUAL, literal(meant))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("state = ", "syntax error at line 1, column 9, token ''"),
        ("state = = x", "syntax error at line 1, column 9, token '='"),
        ("state == x", "syntax error at line 1, column 8, token '='"),
        ("AND x", "syntax error at line 1, column 1, token 'AND'"),
        ("x AND", "syntax error at line 1, column 6, token ''"),
        ("x OR AND y", "syntax error at line 1, column 6, token 'AND'"),
        ("x\nAND\n  )", "syntax error at line 3, column 3, token ')'"),
        ("(x", "syntax error at line 1, column 3, token ''"),
        ("()", "syntax error at line 1, column 2, token ')'"),
        ("x)", "syntax error at line 1, column 2, token ')'"),
        ("NOT NOT x", "syntax error at line 1, column 5, token 'NOT'"),
        ("a - b", "syntax error at line 1, column 3, token '-'"),
        ("+5", "syntax error at line 1, column 1, token '+'"),
        ("x = -y", "syntax error at line 1, column 5, token '-'"),
        ("timestamp >= 2026-06-12T03:23:45Z", "syntax error at line 1, column 27, token ':'"),
        ("insertId = abc:def", "syntax error at line 1, column 15, token ':'"),
        ('"never ends', "syntax error at line 1, column 1, token '\"'"),
        ("a..b = 1", "syntax error at line 1, column 2, token '.'"),
        ("a. = 1", "syntax error at line 1, column 2, token '.'"),
        (".5", "syntax error at line 1, column 1, token '.'"),
        ("x = *", "syntax error at line 1, column 5, token '*'"),
        ('x = a."b"', "syntax error at line 1, column 5, token 'a.\"b\"'"),
        ("x = f(y)", "syntax error at line 1, column 6, token '('"),
        ("x = (y = z)", "syntax error at line 1, column 8, token '='"),
        ("x ~ y", "syntax error at line 1, column 3, token '~'"),
        ("x, y", "syntax error at line 1, column 2, token ','"),
        (r'x = "\ud800"', "syntax error at line 1, column 5, token '\"\\ud800\"'"),
        (r'x = "\U00110000"', "syntax error at line 1, column 5, token '\"\\U00110000\"'"),
        ("nonsense(x)", "unknown function nonsense at line 1, column 1, token 'nonsense'"),
        ("log_id()", "log_id takes a log id at line 1, column 1, token 'log_id'"),
        ("log_id(a b)", "syntax error at line 1, column 10, token 'b'"),
        ("log_id(a", "syntax error at line 1, column 9, token ''"),
        ("source(p)", "source takes a resource such as projects/PROJECT_ID at line 1, column 1, token 'source'"),
        (
            "sample(insertId, 1.1)",
            "the fraction of sample must be greater than 0 and at most 1 at line 1, column 1, token 'sample'",
        ),
        (
            "x ip_in_net(a, b)",
            "the subnet of ip_in_net must be an IP address or range at line 1, column 3, token 'ip_in_net'",
        ),
        ("SEARCH(x)", "SEARCH takes a field, if any, and a quoted query at line 1, column 1, token 'SEARCH'"),
        ('x =~ "(a"', "invalid regular expression (missing )) at line 1, column 6, token '\"(a\"'"),
        (
            'x =~ "(?=a)"',
            "invalid regular expression (invalid perl operator: (?=) at line 1, column 6, token '\"(?=a)\"'",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        parse(text)
    assert refused.value.message == f"Unparseable filter: {sentence}"


def test_length_and_depth_are_bounded() -> None:
    parse("x" * 20_000)
    with pytest.raises(InvalidArgument, match="longer than 20000 characters"):
        parse("x" * 20_001)
    parse("(" * 50 + "x" + ")" * 50)
    with pytest.raises(InvalidArgument, match="too deeply nested at line 1, column 51"):
        parse("(" * 51 + "x" + ")" * 51)


def test_a_deep_document_is_no_trouble() -> None:
    document: dict[str, object] = {"leaf": "needle"}
    for _ in range(sys.getrecursionlimit() * 2):
        document = {"inside": [document]}
    assert parse("needle").matches(document)
    assert not parse("NOT inside:needle").matches(document)


def test_the_regular_expressions_of_a_filter_are_bounded_together() -> None:
    parse(" ".join('a =~ "[ab]{400}"' for _ in range(10)))
    with pytest.raises(InvalidArgument, match="too large together"):
        parse(" ".join('a =~ "[ab]{400}"' for _ in range(20)))


def test_a_sample_holds_about_its_fraction_and_always_the_same() -> None:
    tenth = parse("sample(insertId, 0.1)")
    chosen = [number for number in range(5_000) if tenth.matches({"insertId": str(number)})]
    assert 400 < len(chosen) < 600
    assert all(parse("sample(insertId, 0.2)").matches({"insertId": str(number)}) for number in chosen)


# What has no random walk through its own grammar would only ever meet the first error.
_FRAGMENTS = r"""a b.c "s" 's AND OR NOT - ( ) = != : * =~ < , -- 1 -1 severity log_id( SEARCH( sample( 5s NULL_VALUE
\ "( "[a "a{3}" . > f( "\d" "\ud800" ip_in_net(a, source(projects/p) "10.0.0.0/8") !"""
_SOUP = st.lists(st.sampled_from(_FRAGMENTS.split()), max_size=14).map(" ".join)

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
_DOCUMENTS = st.dictionaries(
    st.sampled_from(["a", "b", "severity", "timestamp", "labels", "insertId", "logName"]) | st.text(max_size=3),
    st.recursive(
        _SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["c", "a", "x_y"]), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


@given(st.text(max_size=40) | _SOUP, _DOCUMENTS)
def test_any_text_is_a_filter_or_a_refusal(text: str, document: dict[str, object]) -> None:
    try:
        understood = parse(text)
    except InvalidArgument as refused:
        answer: object = refused.message.startswith("Unparseable filter: ")
    else:
        answer = isinstance(understood.matches(document), bool)
    assert answer


_NAMES = st.sampled_from(["a", "b", "c", "labels", "x_y", "weird name", "a.b", "AND", "-", 'q"q']) | st.text(max_size=3)
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map(lambda segments: path_of(tuple(segments)))
_LITERALS = st.text(max_size=8).map(literal) | st.integers(-20, 20).map(lambda number: literal(str(number)))
_LEAVES: st.SearchStrategy[Expression] = (
    st.builds(Anywhere, _LITERALS)
    | st.builds(Present, _PATHS)
    | st.builds(Comparison, _PATHS, st.sampled_from(Operator), _LITERALS | st.just(literal("NULL_VALUE", quoted=False)))
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts)))
        | st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts)))
    ),
    max_leaves=8,
)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _printed(tree: Expression, sign: str, join: str) -> str:
    """A tree as text, fully bracketed; `sign` is how NOT and `join` how AND is written."""
    match tree:
        case And(parts):
            return f"({join.join(_printed(part, sign, join) for part in parts)})"
        case Or(parts):
            return f"({' OR '.join(_printed(part, sign, join) for part in parts)})"
        case Not(part):
            return f"({sign}({_printed(part, sign, join)}))"
        case Anywhere(wanted):
            return _quoted(wanted.text)
        case Present(path):
            return ".".join(map(_quoted, path.segments)) + ":*"
        case Comparison(path, how, wanted):
            value = "NULL_VALUE" if wanted.null else _quoted(wanted.text)
            return ".".join(map(_quoted, path.segments)) + how.value + value
        case _:
            raise AssertionError(tree)


@given(_TREES, st.sampled_from(["NOT ", "-"]), st.sampled_from([" AND ", " ", "\n-- a remark\n"]))
def test_a_printed_tree_is_read_back(tree: Expression, sign: str, join: str) -> None:
    assert parse(_printed(tree, sign, join)).expression == tree


# A second opinion: the same semantics over a list of (path, scalar), for plain declared fields, ASCII and integers.


def _flat(value: object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(inner, (*path, key))]
    if isinstance(value, list):
        return [pair for inner in value for pair in _flat(inner, path)]
    return [(path, value)]


def _one(value: object, sign: str, wanted: str) -> bool:
    if isinstance(value, bool):
        if wanted not in {"true", "false"}:
            return False
        left, right = int(value), int(wanted == "true")
    elif isinstance(value, int):
        if not wanted.lstrip("-").isdigit():
            return False
        left, right = value, int(wanted)
    else:
        text = str(value)
        if sign == ":":
            return wanted.lower() in text.lower()
        ranks = sorted({text.lower(), wanted.lower()})
        left, right = ranks.index(text.lower()), ranks.index(wanted.lower())
    return {
        "=": left == right,
        ":": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[sign]


def _naive(tree: Expression, document: dict[str, object]) -> bool:
    pairs = _flat(document)
    match tree:
        case And(parts):
            return False not in [_naive(part, document) for part in parts]
        case Or(parts):
            return True in [_naive(part, document) for part in parts]
        case Not(part):
            return not _naive(part, document)
        case Anywhere(wanted):
            return any(_one(value, ":", wanted.text) for _, value in pairs)
        case Present(path):
            return any(found[: len(path.segments)] == path.segments for found, _ in pairs)
        case Comparison(path, how, wanted):
            return any(_one(value, how.value, wanted.text) for found, value in pairs if found == path.segments)
        case _:
            raise AssertionError(tree)


_WORDS = st.sampled_from(["x", "Xy", "yx", "b", "true", "false", "A"])
_PLAIN_VALUES = _WORDS | st.integers(-2, 2) | st.booleans()
_PLAIN_DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "p": _PLAIN_VALUES,
        "q": st.lists(_PLAIN_VALUES, min_size=1, max_size=3),
        "r": st.fixed_dictionaries({"p": _PLAIN_VALUES}),
        "s": st.lists(st.fixed_dictionaries({"p": _PLAIN_VALUES}), min_size=1, max_size=3),
    },
)
_PLAIN_PATHS = st.sampled_from([("p",), ("q",), ("r", "p"), ("s", "p"), ("p", "p")]).map(path_of)
_PLAIN_LITERALS = (_WORDS | st.integers(-2, 2).map(str)).map(literal)
_PLAIN_TREES = st.recursive(
    st.builds(Anywhere, _PLAIN_LITERALS)
    | st.builds(Present, _PLAIN_PATHS)
    | st.builds(Comparison, _PLAIN_PATHS, st.sampled_from(Operator), _PLAIN_LITERALS),
    lambda inner: (
        st.builds(Not, inner)
        | st.tuples(inner, inner).map(lambda parts: And(parts))
        | st.tuples(inner, inner).map(lambda parts: Or(parts))
    ),
    max_leaves=6,
)


@given(_PLAIN_TREES, _PLAIN_DOCUMENTS)
def test_judging_agrees_with_a_naive_model(tree: Expression, document: dict[str, object]) -> None:
    assert Filter(tree).matches(document) is _naive(tree, document)


def test_two_documents_of_one_filter_do_not_mix() -> None:
    needle = parse("needle")
    documents = [{"a": "needle"}, {"a": "hay"}, json.loads('{"a": {"b": ["hay", "a needle"]}}')]
    shuffled = documents * 3
    random.Random(7).shuffle(shuffled)
    assert [needle.matches(document) for document in shuffled] == ["needle" in str(document) for document in shuffled]
