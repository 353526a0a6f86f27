"""A queue as a filter sees it: the JSON that a caller would be shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.domain.queue import Queue, RetryConfig, StackdriverLoggingConfig
from kumotasks.domain.target import AppEngineRouting, EnforceMode, HttpTarget, PathOverride, UriOverride
from kumotasks.service.queue_document import document
from tests.factory import NOW, a_full_queue, a_queue

SECOND = 1_000_000


def test_a_plain_queue_shows_its_defaults_and_nothing_that_is_unset() -> None:
    assert document(a_queue()) == {
        "name": "projects/p/locations/l/queues/q",
        "state": "RUNNING",
        "rateLimits": {"maxDispatchesPerSecond": 500.0, "maxBurstSize": 100, "maxConcurrentDispatches": 1_000},
        "retryConfig": {"maxAttempts": 100, "minBackoff": "0.100s", "maxBackoff": "3600s", "maxDoublings": 16},
    }


def test_a_full_queue_shows_every_part() -> None:
    full = replace(a_full_queue(), stackdriver_logging_config=StackdriverLoggingConfig(0.0), purge_time=NOW)
    shown = document(full)
    assert shown["state"] == "PAUSED"
    assert shown["appEngineRoutingOverride"] == {
        "service": "service",
        "version": "version",
        "host": "version-dot-service-dot-host",
    }
    assert shown["httpTarget"] == {
        "uriOverride": {"scheme": "HTTPS", "host": "worker.example", "port": 8443},
        "httpMethod": "PUT",
        "headerOverrides": [{"header": {"key": "X-Wolke", "value": "☁"}}],
        "oidcToken": {"serviceAccountEmail": "a@b.example"},
    }
    assert shown["stackdriverLoggingConfig"] == {"samplingRatio": 0.0}
    assert shown["purgeTime"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0s"),
        (1, "0.000001s"),
        (SECOND // 10, "0.100s"),
        (10 * SECOND, "10s"),
        (1_234_567_123_456, "1234567.123456s"),
        (315_576_000_000 * SECOND, "315576000000s"),
    ],
)
def test_durations_are_exact(microseconds: int, text: str) -> None:
    queue = replace(a_queue(), retry_config=RetryConfig(min_backoff=microseconds))
    shown = document(queue)["retryConfig"]
    assert isinstance(shown, dict)
    assert shown["minBackoff"] == text


def test_enums_are_words_whatever_number_they_came_as() -> None:
    override = UriOverride(
        scheme=1, path_override=PathOverride("/x"), uri_override_enforce_mode=EnforceMode.IF_NOT_EXISTS
    )
    queue = replace(a_queue(), http_target=HttpTarget(override, http_method=2))
    assert document(queue)["httpTarget"] == {
        "uriOverride": {"scheme": "HTTP", "pathOverride": {"path": "/x"}, "uriOverrideEnforceMode": "IF_NOT_EXISTS"},
        "httpMethod": "GET",
    }


def test_a_number_that_no_enum_knows_stays_a_number() -> None:
    queue = replace(a_queue(), http_target=HttpTarget(UriOverride(scheme=9)))
    assert document(queue)["httpTarget"] == {"uriOverride": {"scheme": 9}}


def test_an_empty_message_that_is_set_is_shown() -> None:
    queue: Queue = replace(a_queue(), app_engine_routing_override=AppEngineRouting(), http_target=HttpTarget())
    assert document(queue)["appEngineRoutingOverride"] == {}
    assert document(queue)["httpTarget"] == {}
