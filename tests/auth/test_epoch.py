"""An epoch rises with changes, and is never the same twice while nobody knows whether there were any."""

from __future__ import annotations

from kumotasks.auth.epoch import Epoch
from kumotasks.domain.clock import ManualClock
from kumotasks.storage.news import FRESH, Follower
from kumotasks.storage.records import Touched
from tests.factory import NOW


class Untouched:
    """Records in which nothing happens."""

    def overhear(self, listener: object) -> None:
        pass

    async def touched(self, since: int | None) -> Touched:
        return Touched(1, ())

    async def forget_touched(self, *, older: int, limit: int) -> int:
        return 0


def test_it_rises_with_a_change_and_stays_without() -> None:
    epoch = Epoch()
    assert epoch.now() == epoch.now() == 0
    epoch.rise()
    assert epoch.now() == epoch.now() == 1


async def test_it_holds_as_long_as_the_news_are_current() -> None:
    clock = ManualClock(NOW)
    news = Follower(Untouched(), clock)
    epoch = Epoch(news)
    assert epoch.now() != epoch.now()
    await news.confirm()
    known = epoch.now()
    clock.turn(NOW + FRESH - 1)
    assert epoch.now() == known
    clock.turn(NOW + FRESH)
    assert len({known, epoch.now(), epoch.now()}) == 3
