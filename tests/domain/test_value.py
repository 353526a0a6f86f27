"""Values and entries that are cheap to make are slotted dataclasses like any other."""

from __future__ import annotations

from dataclasses import field, fields, is_dataclass, replace

import pytest

from kumotasks.domain.value import entry, value


@value
class Pair:
    left: int
    right: str = "none"


def test_a_value_is_made_by_place_and_by_name_and_knows_its_defaults() -> None:
    assert (Pair(1).left, Pair(1).right) == (1, "none")
    assert Pair(1, "b") == Pair(right="b", left=1)
    assert repr(Pair(1)) == "Pair(left=1, right='none')"
    assert hash(Pair(1)) == hash(Pair(1, "none"))


def test_a_value_cannot_be_changed_nor_extended() -> None:
    pair = Pair(1)
    with pytest.raises(AttributeError):
        pair.left = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        pair.other = 2  # type: ignore[attr-defined]
    assert not hasattr(pair, "__dict__")


def test_a_value_is_a_dataclass() -> None:
    assert is_dataclass(Pair)
    assert [each.name for each in fields(Pair)] == ["left", "right"]
    assert replace(Pair(1), right="b") == Pair(1, "b")
    match Pair(1, "b"):
        case Pair(left, right):
            assert (left, right) == (1, "b")


def test_a_value_wants_all_its_fields() -> None:
    with pytest.raises(TypeError, match="left"):
        Pair()  # type: ignore[call-arg]


@value
class Sealed:
    shown: int
    hidden: str = field(repr=False)

    @property
    def both(self) -> str:
        return f"{self.shown}{self.hidden}"


def test_a_value_keeps_its_methods_and_shows_only_what_it_may() -> None:
    assert Sealed(1, "secret").both == "1secret"
    assert repr(Sealed(1, "secret")) == "Sealed(shown=1)"


@entry
class Place:
    taken: int
    by: str | None = None


def test_an_entry_can_be_changed_and_is_only_what_it_is_itself() -> None:
    place, other = Place(1), Place(1)
    place.by = "a"
    assert repr(place) == "Place(taken=1, by='a')"
    assert other.by is None
    assert place != Place(1, "a")
    assert len({place, other}) == 2
    assert not hasattr(place, "__dict__")
