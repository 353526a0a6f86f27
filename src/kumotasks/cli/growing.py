"""A JSON array that is still growing, element by element as they arrive. Pure."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator

_SPACE_AND_MARKS = " \t\r\n,["


def elements(chunks: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """The elements of an array whose bytes come in `chunks`, objects all of them, each as soon as it is complete.

    Raises ValueError for what is no such array. One that breaks off has the elements that it had.
    """
    decoder, letters, left = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")(), ""
    for chunk in chunks:
        left = (left + letters.decode(chunk)).lstrip(_SPACE_AND_MARKS)
        # Only what ends like an object may be one: a long element is not read again with each of its pieces.
        while left and left.rstrip(f"]{_SPACE_AND_MARKS}").endswith("}"):
            try:
                element, end = decoder.raw_decode(left)
            except json.JSONDecodeError:
                break
            yield element
            left = left[end:].lstrip(_SPACE_AND_MARKS)
        if left and left[0] not in "{]":
            raise ValueError("no array of objects")
