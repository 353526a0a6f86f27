"""The certificates by which tokens are checked, fetched from their issuer and kept for as long as he says.

Threads share one list and one fetch. A key that is not on the list makes it be fetched anew, but not for every liar.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from http.client import HTTPException
from threading import Lock
from urllib.request import urlopen

from kumotasks.client.clock import now

SECONDS = 10.0  # for each turn of a fetch
MOST = 1024 * 1024  # bytes of a list
AT_MOST_EVERY = 30.0  # seconds between two fetches for keys that are not on the list
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)

Fetch = Callable[[str], tuple[Mapping[str, str], float]]


class KeysUnreachable(Exception):
    """Whoever publishes the keys does not answer, or answers with something else: nobody can be judged now."""


class Certificates:
    """PEM certificates by key id, of the map at `url`."""

    def __init__(self, url: str, *, fetch: Fetch | None = None, clock: Callable[[], float] = now) -> None:
        if not url.startswith(("https://", "http://")):
            raise ValueError(f"{url} is no URL of HTTP or HTTPS")
        self._url = url
        self._fetch = fetch or fetched
        self._clock = clock
        self._turn = Lock()
        self._known: Mapping[str, str] = {}
        self._asked = self._until = float("-inf")

    def having(self, key_id: object) -> Mapping[str, str]:
        """The list; it was fetched just now if it was too old, or did not have that key. KeysUnreachable."""
        if self._good(key_id):
            return self._known
        with self._turn:
            if not self._good(key_id):
                self._known, age = self._fetch(self._url)
                self._asked = self._clock()
                self._until = self._asked + age
            return self._known

    def _good(self, key_id: object) -> bool:
        at = self._clock()
        return at < self._until and (key_id in self._known or at < self._asked + AT_MOST_EVERY)


def fetched(url: str) -> tuple[Mapping[str, str], float]:
    """A list of certificates, and for how many seconds it may be kept. KeysUnreachable."""
    try:
        # The class takes URLs of HTTP only.
        with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310
            found = json.loads(answer.read(MOST))
            kept = _MAX_AGE.search(answer.headers.get("cache-control") or "")
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        raise KeysUnreachable(f"{url}: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise KeysUnreachable(f"{url} is no map of certificates")
    return found, float(kept[1]) if kept else 0.0
