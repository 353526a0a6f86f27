"""How long a node trusts its lease."""

from __future__ import annotations

from kumotasks.dispatch.lease import ALWAYS, Lease
from kumotasks.domain.clock import SECOND, ManualClock
from tests.factory import NOW

LENGTH = 10 * SECOND


def test_a_lease_that_was_never_granted_does_not_hold() -> None:
    assert not Lease(ManualClock(NOW), LENGTH).holds()


def test_a_lease_holds_for_its_length_less_a_margin_from_the_moment_it_was_asked_for() -> None:
    clock = ManualClock(NOW)
    lease = Lease(clock, LENGTH)
    asked = lease.asked()
    clock.turn(NOW + 3 * SECOND)
    lease.granted(asked)
    clock.turn(NOW + 8 * SECOND - 1)
    assert lease.holds()
    clock.turn(NOW + 8 * SECOND)
    assert not lease.holds()


def test_an_answer_that_comes_after_the_time_it_is_good_for_is_good_for_nothing() -> None:
    clock = ManualClock(NOW)
    lease = Lease(clock, LENGTH)
    asked = lease.asked()
    clock.turn(NOW + 9 * SECOND)
    lease.granted(asked)
    assert not lease.holds()


def test_a_lost_lease_does_not_hold() -> None:
    lease = Lease(ManualClock(NOW), LENGTH)
    lease.granted(lease.asked())
    lease.lost()
    assert not lease.holds()


def test_who_has_his_store_to_himself_needs_no_lease() -> None:
    assert ALWAYS.holds()
