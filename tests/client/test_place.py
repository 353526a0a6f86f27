"""What is read of an environment and of a developer's file, and how long a client waits between attempts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.client.env_file import found_from, parsed
from kumotasks.client.place import Place, endpoint_of
from kumotasks.client.retry import Retry


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  export A = b c  ", "b c"),
        ('A="b # c"', "b # c"),
        ("A='b\"' # c", 'b"'),
        ("A=b # c", "b"),
        ("A=b#c", "b#c"),
        ("A=", ""),
        ("A= # c", ""),
        ("A=$HOME", "$HOME"),
        ("A=x=y", "x=y"),
        ("# A=b", None),
        ("A", None),
        ("1A=b", None),
    ],
)
def test_a_line_of_the_file(line: str, value: str | None) -> None:
    assert parsed(line).get("A") == value


def test_the_last_line_of_a_name_counts_and_a_mark_at_the_beginning_does_not(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_bytes(b"\xef\xbb\xbfA=b\r\nB=\xff\r\nA=c\r\n")
    assert found_from(tmp_path)["A"] == "c"


@pytest.mark.parametrize(
    ("written", "target", "url"),
    [
        ("127.0.0.1:8123", "127.0.0.1:8123", "http://127.0.0.1:8123"),
        ("http://kumo:8123/", "kumo:8123", "http://kumo:8123"),
        ("http://kumo", "kumo:80", "http://kumo:80"),
        ("https://kumo", "kumo:443", "https://kumo"),
        ("https://[::1]:8", "[::1]:8", "https://[::1]:8"),
    ],
)
def test_an_endpoint(written: str, target: str, url: str) -> None:
    endpoint = endpoint_of(written)
    assert (endpoint.target, endpoint.url, endpoint.secure) == (target, url, url.startswith("https"))


@pytest.mark.parametrize("written", ["ftp://kumo", "http://", "http://kumo:port"])
def test_what_is_no_endpoint(written: str) -> None:
    with pytest.raises(ValueError):
        endpoint_of(written)


def test_a_paths_address() -> None:
    assert Place(service_url="https://s/").url("/a") == Place(service_url="https://s").url("/a") == "https://s/a"


@given(st.integers(1, 12), st.floats(0, 10), st.floats(0, 10))
def test_pauses_are_one_fewer_than_attempts_and_bounded(attempts: int, first: float, most: float) -> None:
    pauses = list(Retry(attempts=attempts, first=first, most=most).pauses())
    assert len(pauses) == attempts - 1
    assert all(min(first, most) / 2 <= each <= most for each in pauses)


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"timeout": 0}, {"connect": -1}, {"first": -1}])
def test_patience_that_would_never_try_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="would never try"):
        Retry(**wrong)
