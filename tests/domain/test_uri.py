"""The URL a task is really sent to: the queue's override over the task's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.target import EnforceMode, PathOverride, QueryOverride, Scheme, UriOverride
from kumotasks.domain.uri import overridden_url

URL = "https://task.example:8443/work?a=b"
EVERYTHING = UriOverride(Scheme.HTTP, "queue.example", 81, PathOverride("/q"), QueryOverride("c=d"))


def always(**parts: object) -> UriOverride:
    return UriOverride(**parts)  # type: ignore[arg-type]


def if_absent(**parts: object) -> UriOverride:
    return UriOverride(**parts, uri_override_enforce_mode=EnforceMode.IF_NOT_EXISTS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "override", "expected"),
    [
        (URL, None, URL),
        (URL, UriOverride(), URL),
        (URL, EVERYTHING, "http://queue.example:81/q?c=d"),
        ("", EVERYTHING, "http://queue.example:81/q?c=d"),
        ("", always(host="queue.example"), "https://queue.example/"),
        (URL, always(host="queue.example"), "https://queue.example/work?a=b"),
        ("http://task.example/", always(host="queue.example"), "https://queue.example/"),
        (URL, always(scheme=Scheme.HTTP), "http://task.example:8443/work?a=b"),
        (URL, always(port=99), "https://task.example:99/work?a=b"),
        (URL, always(port=0), "https://task.example/work?a=b"),
        (URL, always(path_override=PathOverride("queue")), "https://task.example:8443/queue?a=b"),
        (URL, always(path_override=PathOverride("")), URL),
        (URL, always(query_override=QueryOverride("x=y")), "https://task.example:8443/work?x=y"),
        (URL, always(query_override=QueryOverride("")), URL),
        (URL, always(host="::1", port=80), "https://[::1]:80/work?a=b"),
        (URL, if_absent(scheme=Scheme.HTTP, host="queue.example", port=81), URL),
        (URL, if_absent(path_override=PathOverride("/q"), query_override=QueryOverride("c=d")), URL),
        ("https://h", if_absent(path_override=PathOverride("/q")), "https://h/q"),
        (
            "https://h/",
            if_absent(path_override=PathOverride("/q"), query_override=QueryOverride("c=d")),
            "https://h/q?c=d",
        ),
        ("", if_absent(host="queue.example", path_override=PathOverride("/q")), "https://queue.example/q"),
    ],
)
def test_the_queue_overrides_its_tasks_url(url: str, override: UriOverride | None, expected: str) -> None:
    assert overridden_url(url, override) == expected


@pytest.mark.parametrize("url", ["http://[::1", "http://h:99999/", "http://h:x/"])
def test_a_url_that_no_parser_takes_is_left_to_the_sender(url: str) -> None:
    assert overridden_url(url, always(path_override=PathOverride("/q"))) == url


@given(st.text(max_size=20), st.booleans())
def test_any_url_can_be_overridden(rest: str, forced: bool) -> None:
    override = always(host="q.example", path_override=PathOverride("/q")) if forced else if_absent(host="q.example")
    answer = overridden_url(f"http://{rest}", override)
    assert answer == f"http://{rest}" or answer.startswith(("http://", "https://"))
