"""matrix.toml leaves nothing out, and says nothing that no call would ever ask about."""

from __future__ import annotations

from tests.calls import CALLS
from tests.iam.expectations import ROLES, ROWS
from tests.iam.requests import REQUESTS


def test_every_call_has_its_row() -> None:
    assert {row.rpc for row in ROWS} == {*CALLS, "BufferTask"}
    assert set(CALLS) < {row.name for row in ROWS}


def test_every_row_can_be_asked() -> None:
    assert {row.name for row in ROWS} == set(REQUESTS)


def test_every_permission_of_a_role_is_needed_by_a_call_and_held_by_a_role() -> None:
    assert {need.permission for row in ROWS for need in row.needs} == frozenset().union(*ROLES.values())
