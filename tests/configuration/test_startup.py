"""kumo.toml judged as a whole: each problem with its place, and nothing that ends in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumotasks.configuration.plan import planned
from kumotasks.configuration.problem import Misconfigured
from kumotasks.configuration.startup import gathered
from kumotasks.server.judges import JUDGES
from kumotasks.settings import SettingsError, names

MEMBER = '"serviceAccount:a@b"'


def problems(tmp_path: Path, text: str) -> list[str]:
    """Without the file's name."""
    file = tmp_path / "kumo.toml"
    file.write_text(text)
    try:
        gathered({}, {}, file, JUDGES)
    except Misconfigured as wrong:
        return [str(each).removeprefix(f"{file}:").replace(str(tmp_path), "DIR") for each in wrong.problems]
    return []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prot = 1", "1:1: there is no setting 'prot'. Did you mean 'port'?"),
        ("\n[egres]\nallow = []", "2:2: there is no setting 'egres'. Did you mean 'egress'?"),
        ("[app_engin]\nhost = 'x'", "1:2: there is no setting 'app_engin'. Did you mean 'app_engine'?"),
        ("app_engin.host = 'x'", "1:1: there is no setting 'app_engin'. Did you mean 'app_engine'?"),
        ("[app_engine]\nhots = 'x'", "2:1: there is no setting 'app_engine.hots'. Did you mean 'app_engine.host'?"),
        ("[run-host]\n'a' = 'b'", "1:2: there is no setting 'run-host'. Did you mean 'run_hosts'?"),
        ("[[queue_s]]\nname = 'a'", "1:3: there is no setting 'queue_s'. Did you mean 'queues'?"),
        ("hosst = 'a'", "1:1: there is no setting 'hosst'. Did you mean 'host'?"),
        ("[egress]\nalow = []", "2:1: there is no setting 'egress.alow'. Did you mean 'egress.allow'?"),
        ("x = 1\n[tls]\nprot = 1", "1:1: there is no setting 'x'."),
        ("max-body = 1\nmax_body = 1", "2:1: max_body is set twice, here and as max-body."),
        ("port = 'http'", "1:8: port = 'http' is not understood: a whole number is needed."),
        ("host = 5", "1:8: host = 5 is not understood: a text is needed, without zero bytes."),
        ('store = "a\\u0000"', "1:9: store = 'a\\x00' is not understood: a text is needed, without zero bytes."),
        ("port = 70000", "1:8: --port 70000: a port is a number from 0 to 65535."),
        ("history = 'some'", "1:11: history some: choose one of failed, all, off."),
        ("project = 'a b'", "1:11: --project a b: no project has such an id."),
        ("host = '0.0.0.0'", "1:8: --host 0.0.0.0 is not loopback, and nobody would be asked who he is: say --au"),
        ("drain = '999999999999999999d'", "1:9: drain = '999999999999999999d' is not understood: a duration is at mo"),
        (f"port = 0x{'f' * 5000}", "1:8: port = this value is not understood: the number is too large."),
        ("egress.deny = ['x', '10.0.0.0/8', '/']", "1:35: the egress rule '/' is not understood"),
        ("[egress]\nrules = ['permit all']", "2:10: the egress rule 'permit all' is not understood"),
        ("queue = ['a', 'b c']", "1:15: a queue is named by an id of letters, digits and hyphens"),
        ("queue = ['a', 'a']", "1:15: the queue a is declared twice, first on line 1."),
        ("queue = ['a']\n[[queues]]\nname = 'a'", "3:8: the queue a is declared twice, first on line 1."),
        (
            "[[queues]]\nname='a'\n[[queues]]\nname='projects/kumo-local/locations/us-central1/queues/a'",
            "4:6: the queue a is declared twice, first on line 2.",
        ),
        ("[[queues]]\nrateLimits = {}", "1:1: name is missing."),
        ("[[queues]]\nname = 'a'\ncolour = 1", "3:1: there is no field 'colour'."),
        ("[[queues]]\nname = 'a'\nrateLimit = {}", "3:1: there is no field 'rateLimit'. Did you mean 'rateLimits'?"),
        (
            "[[queues]]\nname = 'a'\n[queues.rateLimits]\nmaxDispatchPerSecond = 1",
            "4:1: there is no field 'maxDispatchPerSecond'. Did you mean 'maxDispatchesPerSecond'?",
        ),
        (
            "[[queues]]\nname = 'a'\nrate_limits.max_dispatches_per_second = 501",
            "3:41: RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
        ),
        (
            "[[queues]]\nname = 'a'\nretryConfig = {minBackoff = '2h'}",
            "3:29: Invalid value at 'retry_config.min_backoff'",
        ),
        (
            "[[queues]]\nname = 'a'\nretryConfig = {minBackoff = '7200s'}",
            "3:29: RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        ),
        (
            "[[queues]]\nname = 'a'\nhttpTarget.headerOverrides = [{header = {key = 'k', value = 1}}]",
            "3:61: Invalid value at 'http_target.header_overrides[0].header.value'",
        ),
        ("[[service_accounts]]", "1:1: id is missing."),
        ("[[service_accounts]]\nid = 'W'", "2:6: The account ID must be between 6 and 30 characters"),
        (
            "[[service_accounts]]\nid = 'worker'\ndisplayname = 'x'",
            "3:1: there is no field of a service account 'displayname'. Did you mean 'display_name'?",
        ),
        ("[[service_accounts]]\nid = 'worker'\ndescription = 1", "3:15: description is a text."),
        (
            f"[[bindings]]\nrole = 'roles/cloudtasks.enqueur'\nmembers = [{MEMBER}]",
            "2:8: there is no role 'roles/cloudtasks.enqueur'. Did you mean 'roles/cloudtasks.enqueuer'?",
        ),
        (f"[[bindings]]\nrole = 'enqueuer'\nmembers = [{MEMBER}]", "2:8: Role enqueuer is not supported"),
        ("[[bindings]]\nrole = 'roles/viewer'", "1:1: members is a list of texts"),
        (f"[[bindings]]\nrole = 'roles/viewer'\nmembers = [\n{MEMBER},\n'x']", "5:1: Invalid member: 'x'."),
        (
            f"[[bindings]]\nrole = 'roles/viewer'\nmembers = [{MEMBER}]\n[bindings.condition]\nexpression = '1 +'",
            "5:14: Condition expression compilation failed.",
        ),
        (
            f"[[bindings]]\nrole = 'roles/viewer'\nmembers = [{MEMBER}]\ncondition = {{expression='true', titel=''}}",
            "4:33: there is no field of a condition 'titel'. Did you mean 'title'?",
        ),
        (f"[[bindings]]\nrole='roles/viewer'\nmembers=[{MEMBER}]\nresource='q'", "4:10: resource is a name such as"),
        ("port = 1\nport = 2", "2:9: this is no TOML: Cannot overwrite a value."),
        ("a = [", "1:6: this is no TOML: "),
        ("a = " + "[" * 9_000, "it is nested too deeply."),
        ("a = " + "9" * 9_000, "this is no TOML: "),
        ("queue_yaml = 'none.yaml'", "none.yaml: No such file or directory."),
    ],
)
def test_a_problem_has_its_line_and_column(text: str, sentence: str, tmp_path: Path) -> None:
    found = problems(tmp_path, text)
    assert any(each.lstrip().startswith(sentence) for each in found), found
    assert all("\n" not in each for each in found)


def test_all_problems_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "prot = 1\n[[queues]]\nname = 'a'\nx = 1\nrateLimits.maxDispatchesPerSecond = 900\n[proxy]\nport = -1\n"
    assert [each.split(" ")[0] for each in problems(tmp_path, text)] == ["1:1:", "4:1:", "5:37:", "7:8:"]


def test_a_flag_heals_what_is_out_of_range_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "kumo.toml"
    file.write_text("host = '0.0.0.0'\nport = 70000")
    startup = gathered({"port": "0", "auth": "iam"}, {}, file, JUDGES)
    assert (startup.settings.port, startup.settings.host) == (0, "0.0.0.0")


def test_caps_of_the_settings_are_those_that_queues_are_judged_by(tmp_path: Path) -> None:
    queue = "[[queues]]\nname = 'a'\nrateLimits.maxDispatchesPerSecond = 900\n"
    assert problems(tmp_path, f"max_dispatches_per_second = 1000\n{queue}") == []
    assert problems(tmp_path, f"max_dispatches_per_second = -1\n{queue}") == [
        "1:29: max_dispatches_per_second -1.0: a number above 0 is needed.",
        "4:37: RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
    ]


def test_a_queue_in_both_files_is_declared_twice(tmp_path: Path) -> None:
    (tmp_path / "queue.yaml").write_text("queue:\n- name: a\n  rate: 1/s\n")
    text = f"queue_yaml = '{tmp_path}/queue.yaml'\n[[queues]]\nname = 'a'\n"
    assert problems(tmp_path, text) == [
        "DIR/queue.yaml:2:9: the queue a is declared twice, first in DIR/kumo.toml on line 3."
    ]


# nothing ends in a traceback

KEYS = st.sampled_from([*sorted(names()), "egress", "tls", "app-engine", "name", "rateLimits", "role", "members", "x"])
INNER = st.one_of(
    st.sampled_from(
        ["name", "rateLimits", "retryConfig", "httpTarget", "uriOverride", "headerOverrides", "minBackoff"]
    ),
    st.sampled_from(["id", "project", "role", "members", "resource", "condition", "expression", "title"]),
)
VALUES = st.recursive(
    st.one_of(
        st.sampled_from(["true", "-1", "1e400", "nan", "1979-05-27", "07:00:00", '"\\u0000"', "''", "'allow x'"]),
        st.integers(-(2**80), 2**80).map(str),
        st.text(alphabet="ab/:.-*1", max_size=5).map(lambda text: f"'{text}'"),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda each: f"[{', '.join(each)}]"),
        st.dictionaries(
            INNER,
            inner,
            max_size=4,
        ).map(lambda each: "{" + ", ".join(f"{key} = {value}" for key, value in each.items()) + "}"),
    ),
    max_leaves=8,
)
LINES = st.one_of(
    st.tuples(KEYS, VALUES).map(" = ".join),
    st.tuples(st.sampled_from(["queues", "bindings", "service_accounts"]), VALUES).map(
        lambda each: f"{each[0]} = [{each[1]}]"
    ),
    st.sampled_from(["[[queues]]", "[[bindings]]", "[[service_accounts]]", "[egress]", "[bindings.condition]"]),
)
TEXTS = st.one_of(
    st.lists(LINES, max_size=6, unique_by=lambda line: line.partition("=")[0]).map("\n".join),
    st.text(max_size=40),
    st.binary(max_size=40),
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
def test_any_file_is_used_or_refused_in_lines(tmp_path: Path, written: str | bytes) -> None:
    file = tmp_path / "kumo.toml"
    file.write_bytes(written if isinstance(written, bytes) else written.encode(errors="surrogatepass"))
    try:
        startup = gathered({}, {}, file, JUDGES)
    except SettingsError as error:
        lines = str(error).splitlines()
        assert lines
    else:
        list(planned(startup, JUDGES))
