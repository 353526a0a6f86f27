"""Sealed text: one spelling, one kind, one installation."""

from __future__ import annotations

import base64

from hypothesis import example, given
from hypothesis import strategies as st

from kumotasks.auth.seal import MAX_TEXT, seal, unseal

SECRET = b"s" * 32
OTHER = b"o" * 32
TEXT = seal("kind.", ("a", 1, "ü"), SECRET)


def test_what_is_sealed_is_read_back() -> None:
    assert unseal("kind.", TEXT, (SECRET,)) == ["a", 1, "ü"]


def test_an_older_secret_is_believed_while_it_is_listed() -> None:
    assert unseal("kind.", TEXT, (OTHER, SECRET)) == ["a", 1, "ü"]
    assert unseal("kind.", TEXT, (OTHER,)) is None
    assert unseal("kind.", TEXT, ()) is None


def test_one_kind_does_not_pass_for_another() -> None:
    assert unseal("mind.", TEXT, (SECRET,)) is None
    assert unseal("mind.", "mind." + TEXT.removeprefix("kind."), (SECRET,)) is None


def test_a_part_of_a_text_is_not_believed() -> None:
    assert not [end for end in range(len(TEXT)) if unseal("kind.", TEXT[:end], (SECRET,)) is not None]
    assert not [start for start in range(1, len(TEXT)) if unseal("kind.", TEXT[start:], (SECRET,)) is not None]


def test_a_changed_text_is_not_believed_be_it_by_one_bit() -> None:
    """The last character of base64 has bits that decode to nothing: they count all the same."""
    octets = TEXT.encode()
    changed = [
        octets[:place] + bytes([octets[place] ^ 1 << bit]) + octets[place + 1 :]
        for place in range(len(octets))
        for bit in range(7)
    ]
    assert not [text for text in changed if unseal("kind.", text.decode(), (SECRET,)) is not None]


def test_an_addition_is_not_believed() -> None:
    for text in (TEXT + "=", TEXT + " ", " " + TEXT, TEXT + ".", TEXT + "\n", TEXT.replace(".", "..")):
        assert unseal("kind.", text, (SECRET,)) is None


def test_another_body_under_the_same_seal_is_not_believed() -> None:
    kind, _, seal_text = TEXT.split(".")
    body = base64.urlsafe_b64encode(b'["b",1,"u"]').rstrip(b"=").decode()
    assert unseal("kind.", f"{kind}.{body}.{seal_text}", (SECRET,)) is None


def test_a_giant_text_is_not_looked_at() -> None:
    assert unseal("kind.", "kind." + "a" * MAX_TEXT, (SECRET,)) is None


@given(st.text() | st.text().map("kind.".__add__))
@example("kind.")
@example("kind..")
@example("kind.\ud800.")
@example("")
def test_no_text_raises(text: str) -> None:
    assert unseal("kind.", text, (SECRET, OTHER)) is None
