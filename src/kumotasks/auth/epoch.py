"""A number that rises with every change, so that others can remember what they judged before it.

While it cannot be known what other nodes have changed, it rises each time it is asked for: nothing remembered holds.
What changes is unknown here.
"""

from __future__ import annotations

from kumotasks.storage.news import NO_NEWS, News


class Epoch:
    """Begins at 0."""

    def __init__(self, news: News = NO_NEWS) -> None:
        self._news = news
        self._number = 0

    def rise(self) -> None:
        self._number += 1

    def now(self) -> int:
        if not self._news.current():
            self._number += 1
        return self._number
