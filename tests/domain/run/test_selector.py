"""Label selectors."""

from __future__ import annotations

import pytest

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.run.selector import parse_selector

LABELS = {"client.knative.dev/nonce": "abc_def", "tier": "front", "empty": ""}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("client.knative.dev/nonce = abc_def", True),
        ("client.knative.dev/nonce=abc", False),
        ("tier==front,empty=", True),
        ("tier!=front", False),
        ("other!=front", True),
        ("tier in (back, front)", True),
        ("tier in (back)", False),
        ("tier notin (back,front)", False),
        ("other notin (back)", True),
        ("tier", True),
        ("other", False),
        ("!other", True),
        ("!tier", False),
        ("tier=front, tier in (front,x), !other", True),
        ("tier=front,other", False),
    ],
)
def test_labels_match_every_requirement(selector: str, matches: bool) -> None:
    assert parse_selector(selector)(LABELS) is matches


@pytest.mark.parametrize("selector", ["=", "a=b=c", "a b", ",", "tier in front", "a=b,", "(a)"])
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(InvalidArgument, match="unable to parse requirement"):
        parse_selector(selector)
