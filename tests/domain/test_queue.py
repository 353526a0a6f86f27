"""Queues: defaults, limits in Google's words, and update masks path by path."""

import math
from dataclasses import fields, is_dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.queue import (
    OUTPUT_ONLY,
    PATHS,
    Caps,
    Queue,
    QueueState,
    RateLimits,
    RetryConfig,
    StackdriverLoggingConfig,
    burst_size,
    check_queue,
    merge,
)
from kumotasks.domain.target import (
    AppEngineRouting,
    HttpTarget,
    OAuthToken,
    OidcToken,
    PathOverride,
    QueryOverride,
    UriOverride,
)
from tests.domain.factory import NOW, QUEUE, SECOND, queue


def test_an_untouched_queue_reads_back_as_googles() -> None:
    assert check_queue(Queue(QUEUE), Caps()) == Queue(
        QUEUE,
        QueueState.RUNNING,
        RateLimits(max_dispatches_per_second=500.0, max_burst_size=100, max_concurrent_dispatches=1_000),
        RetryConfig(
            max_attempts=100,
            max_retry_duration=None,
            min_backoff=100_000,
            max_backoff=3_600 * SECOND,
            max_doublings=16,
        ),
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"rate_limits": RateLimits(max_dispatches_per_second=-0.5)},
            "RateLimits.maxDispatchesPerSecond cannot be negative.",
        ),
        (
            {"rate_limits": RateLimits(max_dispatches_per_second=500.1)},
            "RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
        ),
        (
            {"rate_limits": RateLimits(max_concurrent_dispatches=-1)},
            "RateLimits.maxConcurrentDispatches cannot be negative.",
        ),
        (
            {"rate_limits": RateLimits(max_concurrent_dispatches=5_001)},
            "RateLimits.maxConcurrentDispatches must be less than or equal to 5000.",
        ),
        ({"retry_config": RetryConfig(max_attempts=-2)}, "RetryConfig.maxAttempts must be greater or equal to -1."),
        ({"retry_config": RetryConfig(max_doublings=-1)}, "RetryConfig.maxDoublings cannot be negative."),
        ({"retry_config": RetryConfig(min_backoff=-1)}, "RetryConfig.minBackoff cannot be negative."),
        ({"retry_config": RetryConfig(max_backoff=-1)}, "RetryConfig.maxBackoff cannot be negative."),
        ({"retry_config": RetryConfig(max_retry_duration=-1)}, "RetryConfig.maxRetryDuration cannot be negative."),
        (
            {"retry_config": RetryConfig(min_backoff=2 * SECOND, max_backoff=SECOND)},
            "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        ),
        ({"http_target": HttpTarget(oidc_token=OidcToken(audience="x"))}, "service_account_email must be set."),
        ({"http_target": HttpTarget(oauth_token=OAuthToken(scope="x"))}, "service_account_email must be set."),
        (
            {"http_target": HttpTarget(uri_override=UriOverride(host=""))},
            "HttpTarget.uriOverride.host cannot be empty.",
        ),
        (
            {"http_target": HttpTarget(uri_override=UriOverride(port=65_536))},
            "HttpTarget.uriOverride.port must be between 0 and 65535.",
        ),
        ({"http_target": HttpTarget(http_method=9)}, "HttpTarget.httpMethod is not a known HTTP method."),
        (
            {"http_target": HttpTarget(header_overrides=(("a b", "x"),))},
            'HttpTarget.headerOverrides has an invalid header name: "a b".',
        ),
        (
            {"stackdriver_logging_config": StackdriverLoggingConfig(1.5)},
            "StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0.",
        ),
        (
            {"stackdriver_logging_config": StackdriverLoggingConfig(math.nan)},
            "StackdriverLoggingConfig.samplingRatio must be between 0.0 and 1.0.",
        ),
    ],
)
def test_a_setting_out_of_bounds_is_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_queue(queue(**change), Caps())
    assert refused.value.message == sentence


@pytest.mark.parametrize(
    "change",
    [
        {"rate_limits": RateLimits(0.1, -7, 1)},
        {"rate_limits": RateLimits(500.0, 0, 5_000)},
        {"retry_config": RetryConfig(max_attempts=-1, max_retry_duration=0, min_backoff=0, max_doublings=0)},
        {"retry_config": RetryConfig(min_backoff=SECOND, max_backoff=SECOND)},
        {"http_target": HttpTarget(uri_override=UriOverride(host="h", port=0))},
        {"stackdriver_logging_config": StackdriverLoggingConfig(1.0)},
    ],
)
def test_settings_at_their_bounds_are_taken(change: dict[str, object]) -> None:
    asked = queue(**change)
    taken = check_queue(asked, Caps())
    assert replace(taken, rate_limits=asked.rate_limits) == asked


def test_caps_may_be_raised() -> None:
    generous = Caps(max_dispatches_per_second=2_000, max_concurrent_dispatches=9_000)
    check_queue(queue(rate_limits=RateLimits(2_000, 100, 9_000)), generous)
    with pytest.raises(InvalidArgument, match="less than or equal to 2000"):
        check_queue(queue(rate_limits=RateLimits(2_001, 100, 9_000)), generous)


@pytest.mark.parametrize(
    ("rate", "burst"), [(500, 100), (499, 100), (400, 80), (51, 11), (50, 10), (10, 10), (0.1, 10), (2_000, 100)]
)
def test_the_burst_size_follows_from_the_rate(rate: float, burst: int) -> None:
    assert burst_size(rate) == burst
    limits = RateLimits(rate, max_burst_size=77)
    assert check_queue(queue(rate_limits=limits), Caps(5_000)).rate_limits.max_burst_size == burst


# Update masks. Two queues that differ in every field there is; of the two tokens a target has one.


def _full(one: str, two: int, token: str) -> Queue:
    """A queue with everything set, to `one` where text is wanted and `two` where a number is."""
    return queue(
        rate_limits=RateLimits(two, two, two),
        retry_config=RetryConfig(two, two * SECOND, two * SECOND, 10 * two * SECOND, two),
        app_engine_routing_override=AppEngineRouting(one, one, one, one),
        http_target=HttpTarget(
            UriOverride(two % 2 + 1, one, two, PathOverride("/" + one), QueryOverride(f"q={one}"), two % 2 + 1),
            two % 7 + 1,
            ((one, one),),
            OAuthToken(one, one) if token == "oauth" else None,
            OidcToken(one, one) if token == "oidc" else None,
        ),
        stackdriver_logging_config=StackdriverLoggingConfig(two / 100),
    )


def _get(value: object, path: str) -> object:
    """The attribute a path leads to; None if a message on the way is unset."""
    for name in path.split("."):
        value = None if value is None else getattr(value, name)
    return value


def _leaves(value: object, prefix: str = "") -> dict[str, object]:
    """Every set attribute that is no message, by its path."""
    found: dict[str, object] = {}
    for part in fields(value):  # type: ignore[arg-type]
        inner = getattr(value, part.name)
        path = prefix + part.name
        if is_dataclass(inner) and path != "name":
            found |= _leaves(inner, path + ".")
        elif inner is not None:
            found[path] = inner
    return found


def _under(path: str, other: str) -> bool:
    return other == path or other.startswith(path + ".")


MUTABLE = sorted(PATHS - OUTPUT_ONLY)


def _token(path: str) -> str:
    return "oauth" if "oauth" in path else "oidc"


@pytest.mark.parametrize("path", MUTABLE)
def test_a_mask_takes_its_path_and_nothing_else(path: str) -> None:
    current, desired = _full("old", 3, _token(path)), _full("new", 4, _token(path))
    merged, before, after = _leaves(merge(current, desired, (path,))), _leaves(current), _leaves(desired)
    assert merged == {leaf: after[leaf] if _under(path, leaf) else value for leaf, value in before.items()}


@pytest.mark.parametrize("path", MUTABLE)
def test_a_path_that_is_not_set_goes_back_to_its_default(path: str) -> None:
    current, fresh = _full("old", 3, _token(path)), queue()
    merged = merge(current, fresh, (path,))
    rest = {leaf: value for leaf, value in _leaves(current).items() if not _under(path, leaf)}
    assert {leaf: value for leaf, value in _leaves(merged).items() if not _under(path, leaf)} == rest
    cleared = _get(merged, path)
    assert cleared == _get(fresh, path) or cleared in {"", 0, ()}
    assert cleared != _get(current, path)


@pytest.mark.parametrize("path", MUTABLE)
def test_a_mask_makes_the_messages_on_its_way(path: str) -> None:
    desired = _full("new", 4, _token(path))
    merged = merge(queue(), desired, (path,))
    assert _get(merged, path) == _get(desired, path)
    default = _leaves(queue())
    strangers = {leaf for leaf, value in _leaves(merged).items() if not _under(path, leaf) and value not in {"", 0, ()}}
    assert strangers <= default.keys()


@pytest.mark.parametrize("mask", [(), ("*",)])
def test_no_mask_replaces_everything_that_can_change(mask: tuple[str, ...]) -> None:
    current = replace(_full("old", 3, "oidc"), state=QueueState.PAUSED, purge_time=NOW)
    desired = _full("new", 4, "oauth")
    assert merge(current, desired, mask) == replace(desired, state=QueueState.PAUSED, purge_time=NOW)
    assert merge(current, queue(), mask) == queue(state=QueueState.PAUSED, purge_time=NOW)


@pytest.mark.parametrize("path", sorted(OUTPUT_ONLY))
def test_a_path_the_server_decides_changes_nothing(path: str) -> None:
    current = _full("old", 3, "oidc")
    desired = replace(_full("new", 4, "oidc"), state=QueueState.DISABLED, purge_time=NOW)
    assert merge(current, desired, (path,)) == current


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nonsense",
        "rateLimits",
        "rate_limits.nonsense",
        "http_target.host",
        "retry_config.max_attempts.x",
        "name.text",
    ],
)
def test_an_unknown_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        merge(queue(), queue(), ("retry_config", path))
    assert refused.value.message == f"Invalid field mask: '{path}' is not a field of Queue that can be updated."


def test_the_paths_are_those_of_the_published_message() -> None:
    from google.cloud import tasks_v2

    descriptor = tasks_v2.Queue.pb().DESCRIPTOR
    known = {path.split(".")[0] for path in PATHS} | {path for path in OUTPUT_ONLY if "." not in path}
    assert known == {field.name for field in descriptor.fields}
    for path in PATHS:
        message = descriptor
        for name in path.split("."):
            field = message.fields_by_name[name]
            message = field.message_type


def test_a_message_emptied_by_its_paths_is_gone() -> None:
    current = queue(http_target=HttpTarget(oidc_token=OidcToken("a@b", "c")))
    assert merge(current, queue(), ("http_target.oidc_token.service_account_email",)).http_target == HttpTarget(
        oidc_token=OidcToken("", "c")
    )
    both = ("http_target.oidc_token.service_account_email", "http_target.oidc_token.audience")
    assert merge(current, queue(), both).http_target is None


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("http_target.oauth_token", HttpTarget(oauth_token=OAuthToken("new@x"))),
        ("http_target.oauth_token.service_account_email", HttpTarget(oauth_token=OAuthToken("new@x"))),
        ("http_target", HttpTarget(oauth_token=OAuthToken("new@x"))),
    ],
)
def test_a_new_token_takes_the_place_of_the_other_kind(path: str, asked: HttpTarget) -> None:
    current = queue(http_target=HttpTarget(oidc_token=OidcToken("old@x", "aud")))
    assert merge(current, queue(http_target=asked), (path,)).http_target == asked


def test_an_oidc_token_takes_the_place_of_an_oauth_token() -> None:
    current = queue(http_target=HttpTarget(http_method=2, oauth_token=OAuthToken("old@x")))
    asked = queue(http_target=HttpTarget(oidc_token=OidcToken("new@x")))
    merged = merge(current, asked, ("http_target.oidc_token",))
    assert merged.http_target == HttpTarget(http_method=2, oidc_token=OidcToken("new@x"))


@given(
    st.lists(st.sampled_from(sorted(PATHS | OUTPUT_ONLY)), min_size=1, max_size=6), st.sampled_from(["oauth", "oidc"])
)
def test_the_order_of_a_masks_paths_does_not_matter_and_twice_is_once(paths: list[str], token: str) -> None:
    current, desired = _full("old", 3, token), _full("new", 4, token)
    merged = merge(current, desired, tuple(paths))
    assert merge(current, desired, tuple(reversed(paths))) == merged
    assert merge(merged, desired, tuple(paths)) == merged
    named = [path for path in paths if path not in OUTPUT_ONLY]
    before, after = _leaves(current), _leaves(desired)
    expected = {leaf: after[leaf] if any(_under(path, leaf) for path in named) else before[leaf] for leaf in before}
    assert _leaves(merged) == expected
