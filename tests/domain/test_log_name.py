from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.log_name import LogName, parse_log_name, parse_log_source


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("projects/p/logs/l", LogName("projects/p", "l")),
        ("/projects/p/logs/l", LogName("projects/p", "l")),
        ("projects/example.com:p/logs/a%2Fb", LogName("projects/example.com:p", "a/b")),
        ("projects/p/logs/a/b", LogName("projects/p", "a/b")),
        ("organizations/1/logs/l", LogName("organizations/1", "l")),
        ("folders/1/logs/l", LogName("folders/1", "l")),
        ("billingAccounts/A-B/logs/l", LogName("billingAccounts/A-B", "l")),
    ],
)
def test_a_log_has_an_owner_and_an_id(text: str, name: LogName) -> None:
    assert parse_log_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "l", "projects/p", "projects/p/logs", "projects/p/logs/", "projects//logs/l", "x/p/logs/l"]
)
def test_what_names_no_log_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="must be formatted"):
        parse_log_name(text)


@pytest.mark.parametrize("log", ["a b", "a%20b", "ü", "a%00", "a\nb", "a%", "%"])
def test_a_log_id_has_few_characters(log: str) -> None:
    with pytest.raises(InvalidArgument, match="illegal character"):
        parse_log_name(f"projects/p/logs/{log}")


def test_a_log_id_is_shorter_than_512_characters() -> None:
    assert parse_log_name(f"projects/p/logs/{'a' * 511}").log == "a" * 511
    with pytest.raises(InvalidArgument, match="too long"):
        parse_log_name(f"projects/p/logs/{'a' * 512}")


@given(st.from_regex(r"[A-Za-z0-9/_.\-]{1,40}", fullmatch=True))
def test_a_written_name_is_read_as_itself_and_has_no_slash_in_its_id(log: str) -> None:
    name = LogName("projects/p", log)
    assert parse_log_name(str(name)) == name
    assert str(name).count("/") == 3


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("projects/p", "projects/p"),
        ("projects/123", "projects/123"),
        ("organizations/1", "organizations/1"),
        ("projects/p/locations/global/buckets/_Default/views/_AllLogs", "projects/p"),
        ("projects/p/locations/global/buckets/_Default/views/_Default", "projects/p"),
    ],
)
def test_a_view_shows_the_logs_of_its_project(text: str, owner: str) -> None:
    assert parse_log_source(text) == owner


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p",
        "projects/",
        "projects/p/",
        "projects/p/logs/l",
        "projects/p/locations/global/buckets/mine/views/all",
        "users/p",
    ],
)
def test_what_has_no_logs_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="must be formatted"):
        parse_log_source(text)
