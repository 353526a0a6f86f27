"""An answer of many messages over REST: a JSON array that grows by an element a message.

If it ends before its time, its last element is the error, in Google's envelope. It knows no call by name.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from kumotasks.api.status import to_http
from kumotasks.api.streaming import Answers, tell
from kumotasks.domain.errors import KumoError

if TYPE_CHECKING:
    from kumotasks.api.exchange import Exchange

Dump = Callable[[Any], bytes]  # from a JSON value to its text


class JsonArray:
    """What stands before the next element, and at the end, depends on whether there was one before."""

    def __init__(self, dump: Dump) -> None:
        self._dump = dump
        self._begun = False

    def element(self, value: Any) -> bytes:
        mark = b"," if self._begun else b"["
        self._begun = True
        return mark + self._dump(value)

    @property
    def end(self) -> bytes:
        return b"]" if self._begun else b"[]"


async def grow(
    exchange: Exchange,
    answers: Answers,
    *,
    value: Callable[[Any], Any],
    dump: Dump,
    ended: Coroutine[Any, Any, None],
) -> None:
    """Send the messages as they come, each as the JSON value that `value` gives; the head is sent already."""
    array = JsonArray(dump)
    last = b""
    try:
        await tell(exchange, answers, lambda answer: array.element(value(answer)), ended)
    except KumoError as error:
        last = array.element(to_http(error)[1])
    await exchange.send({"type": "http.response.body", "body": last + array.end})
