"""App Engine's queue.yaml: what its words come to as a queue, and what is said of those that cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumotasks.configuration.problem import Misconfigured
from kumotasks.configuration.queue_yaml import QueueYaml, read_from
from kumotasks.domain.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from kumotasks.domain.names import LocationName
from kumotasks.domain.queue import Caps, Queue, QueueState, RateLimits, RetryConfig, check_queue
from kumotasks.domain.target import AppEngineRouting

HERE = LocationName("p", "us-central1")


def read(text: str) -> QueueYaml:
    return read_from("queue.yaml", text, HERE, Caps())


def queue(lines: str) -> Queue:
    """The queue `mail` with these settings, at 1/s if nothing else is said."""
    rate = "" if "rate:" in lines else "  rate: 1/s\n"
    yaml = read(f"queue:\n- name: mail\n{rate}{lines}")
    assert yaml.problems == ()
    return yaml.entries[0].queue


def problems(text: str) -> list[str]:
    try:
        return [str(each) for each in read(text).problems]
    except Misconfigured as wrong:
        return [str(each) for each in wrong.problems]


def test_defaults_are_those_of_a_deployment() -> None:
    made = queue("")
    assert made.name.text == "projects/p/locations/us-central1/queues/mail"
    assert made.rate_limits == RateLimits(1.0, 5, 1_000)
    assert made.retry_config == RetryConfig(-1, None, 100 * MILLISECOND, HOUR, 16)
    assert (made.state, made.app_engine_routing_override) == (QueueState.RUNNING, None)


@pytest.mark.parametrize(
    ("rate", "per_second"),
    [("500/s", 500.0), ("0.5/s", 0.5), ("60/m", 1.0), ("36/h", 0.01), ("864/d", 0.01), ("1./s", 1.0)],
)
def test_a_rate_has_a_unit(rate: str, per_second: float) -> None:
    assert queue(f"  rate: {rate}\n").rate_limits.max_dispatches_per_second == per_second


def test_a_rate_of_0_is_a_paused_queue() -> None:
    assert queue("  rate: 0\n").state is QueueState.PAUSED
    assert queue("  rate: 0/s\n").state is QueueState.PAUSED


def test_limits_and_target_have_their_fields() -> None:
    made = queue("  bucket_size: 40\n  max_concurrent_requests: 7\n  target: v2.worker\n  mode: push\n")
    assert made.rate_limits == RateLimits(1.0, 40, 7)
    assert made.app_engine_routing_override == AppEngineRouting("worker", "v2")
    assert queue("  target: worker\n").app_engine_routing_override == AppEngineRouting("worker")


def test_retry_parameters_have_their_fields_and_the_first_attempt_is_no_retry() -> None:
    parameters = "task_retry_limit: 7, task_age_limit: 2d, min_backoff_seconds: 0.5, max_backoff_seconds: 200"
    made = queue(f"  retry_parameters: {{{parameters}, max_doublings: 0}}\n")
    assert made.retry_config == RetryConfig(8, 2 * DAY, SECOND // 2, 200 * SECOND, 0)
    assert queue("  retry_parameters:\n    task_retry_limit: 0\n").retry_config.max_attempts == 1
    assert queue("  retry_parameters:\n    task_age_limit: 1.5m\n").retry_config.max_retry_duration == 3 * MINUTE // 2
    assert queue("  retry_parameters:\n").retry_config == queue("").retry_config


@pytest.mark.parametrize(
    ("parameters", "backoffs"),
    [
        ("min_backoff_seconds: 7200", (2 * HOUR, 2 * HOUR)),
        ("min_backoff_seconds: 10", (10 * SECOND, HOUR)),
        ("max_backoff_seconds: 0.05", (50 * MILLISECOND, 50 * MILLISECOND)),
        ("max_backoff_seconds: 10", (100 * MILLISECOND, 10 * SECOND)),
    ],
)
def test_one_backoff_that_contradicts_the_others_default_pulls_it_along(
    parameters: str, backoffs: tuple[int, int]
) -> None:
    retry = queue(f"  retry_parameters:\n    {parameters}\n").retry_config
    assert (retry.min_backoff, retry.max_backoff) == backoffs


def test_what_concerns_deployments_is_accepted_and_means_nothing() -> None:
    assert read("total_storage_limit: 120M\nresume_paused_queues: False\nqueue:\n").entries == ()
    assert read("total_storage_limit: 120M").problems == ()
    assert read("").entries == read("# nothing\n").entries == ()


def test_a_name_is_text_whatever_yaml_makes_of_it() -> None:
    yaml = read("queue:\n- {name: on, rate: 1/s}\n- {name: 123, rate: 1/s}\n")
    assert [entry.queue.name.queue for entry in yaml.entries] == ["on", "123"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("queue:\n- name: a\n", "2:3: rate is missing: a push queue has one, such as 5/s."),
        ("queue:\n- rate: 1/s\n", "2:3: name is missing."),
        ("queue:\n- name: a_b\n  rate: 1/s", "2:9: a queue's name is letters, digits and hyphens, at most 100."),
        ("queue:\n- name: a\n  rate: 5", "3:9: rate is a number and a unit, such as 5/s, 100/m, 20/h or 1/d, not '5'."),
        ("queue:\n- name: a\n  rate: 501/s", "3:9: rate is at most 500/s, not '501/s'."),
        ("queue:\n- name: a\n  rate: [1]", "3:9: rate is a single value."),
        (
            "queue:\n- name: a\n  rate: 1/s\n  bucket_size: 501",
            "4:16: bucket_size is a whole number from 0 to 500, not '501'.",
        ),
        (
            "queue:\n- name: a\n  rate: 1/s\n  max_concurrent_requests: -1",
            "4:28: max_concurrent_requests is a whole number from 0 to 5000, not '-1'.",
        ),
        (
            "queue:\n- name: a\n  mode: pull",
            "3:9: there are no pull queues here: a queue pushes its tasks, so leave mode away.",
        ),
        ("queue:\n- name: a\n  rate: 1/s\n  mode: pop", "4:9: mode is push, not 'pop'."),
        ("queue:\n- name: a\n  rate: 1/s\n  acl: []", "4:8: acl is for pull queues, which are not here."),
        ("queue:\n- name: a\n  rate: 1/s\n  target: 1.v.s", "4:11: target is SERVICE or VERSION.SERVICE, not '1.v.s'."),
        (
            "queue:\n- name: a\n  rate: 1/s\n  bucketsize: 1",
            "4:3: there is no setting of a queue 'bucketsize'. Did you mean 'bucket_size'?",
        ),
        ("queue:\n- name: a\n  rate: 1/s\n  rate: 2/s", "4:3: rate is set twice."),
        (
            "queue:\n- {name: a, rate: 1/s}\n- {name: a, rate: 1/s}",
            "3:10: the queue a is declared twice, first on line 2.",
        ),
        (
            "queue:\n- name: a\n  rate: 1/s\n  retry_parameters:\n    task_age_limit: 5",
            "5:21: task_age_limit is above 0, with a unit: 30s, 10m, 4h or 2d, not '5'.",
        ),
        (
            "queue:\n- name: a\n  rate: 1/s\n  retry_parameters:\n   min_backoff_seconds: 2\n   max_backoff_seconds: 1",
            "5:25: min_backoff_seconds is at most max_backoff_seconds.",
        ),
        (
            "queue:\n- name: a\n  rate: 1/s\n  retry_parameters:\n    min_backoff_seconds: soon",
            "5:26: min_backoff_seconds is a number of seconds, such as 0.5 or 10, not 'soon'.",
        ),
        ("queue:\n- name: a\n  rate: 1/s\n  retry_parameters: 5", "4:21: retry_parameters is a mapping of names to"),
        ("queues: []", "1:1: there is no setting of queue.yaml 'queues'. Did you mean 'queue'?"),
        ("queue: {}", "1:8: queue is a list."),
        ("- a", "1:1: queue.yaml is a mapping of names to values."),
        ("queue: [", "1:9: this is no YAML: expected the node content, but found '<stream end>'."),
        ("a: b: c", "1:5: this is no YAML: mapping values are not allowed here."),
        ("a: 1\n---\nb: 2", "2:1: this is no YAML: but found another document."),
        ("a:\n  \x00", "2:3: this is no YAML: special characters are not allowed."),
        ("[" * 5_000, " it is nested too deeply."),
    ],
)
def test_a_problem_has_its_line_and_column(text: str, problem: str) -> None:
    found = problems(text)
    assert any(each.removeprefix("queue.yaml:").startswith(problem) for each in found), found


def test_every_problem_is_told_and_the_other_queues_are_read() -> None:
    yaml = read("queue:\n- name: a\n  rate: x\n  bucket_size: y\n- name: b\n  rate: 1/s\n")
    assert [(each.place.line, each.place.column) for each in yaml.problems] == [(3, 9), (4, 16)]
    assert "b" in {entry.queue.name.queue for entry in yaml.entries}


KEYS = st.one_of(
    st.sampled_from(["queue", "name", "rate", "bucket_size", "mode", "target", "retry_parameters", "x", "? [a]", "<<"]),
    st.sampled_from(["task_retry_limit", "task_age_limit", "min_backoff_seconds", "max_doublings", "acl"]),
)
VALUES = st.recursive(
    st.sampled_from(
        [
            "1/s",
            "0",
            "9e9",
            "99999999999999999999",
            "-1",
            ".5",
            "5d",
            "null",
            "a",
            "&x b",
            "*x",
            "!!int z",
            "'",
            "٣",
            "٣/s",
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
        st.lists(st.tuples(KEYS, inner), max_size=5).map(
            lambda each: "{" + ", ".join(f"{key}: {value}" for key, value in each) + "}"
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=600, deadline=None)
@given(st.one_of(VALUES, VALUES.map(lambda value: f"queue: [{value}]"), st.text(max_size=40)))
def test_any_text_is_queues_or_problems(text: str) -> None:
    try:
        yaml = read(text)
    except Misconfigured:
        return
    for entry in yaml.entries if not yaml.problems else ():
        check_queue(entry.queue, Caps())
