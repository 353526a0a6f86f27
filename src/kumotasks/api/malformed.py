"""Why a payload is not JSON, and where: told in Google's phrases, with the text around the place and a caret.

Only a payload that the fast parser has refused comes here; the standard library's parser then says exactly where it
breaks. It knows nothing of messages.
"""

from __future__ import annotations

import json
import re

from kumotasks.api.flaws import PAYLOAD
from kumotasks.domain.errors import InvalidArgument, Violation

AROUND = 20  # characters shown on each side of the place
LOOKED_AT = 1_048_576  # bytes; a longer payload is refused without a search for the place
STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
TOO_DEEP = "Message too deep. Max recursion depth reached."
KEY = "Expected an object key or }."
END = "Unexpected end of string."
# What the standard library says (its beginning), and what Google's parser says of the same mistake.
PHRASES = {
    "Expecting property name": KEY,
    "Expecting ':' delimiter": "Expected : between key:value pair.",
    "Extra data": "Parsing terminated before end of input.",
    "Unterminated string": "Closing quote expected in string.",
    "Invalid \\u": "Illegal hex string.",
    "Invalid \\": "Invalid escape sequence.",
    "Invalid control character": "Invalid control character in string.",
    "Illegal trailing comma before end of object": KEY,
}


def malformed(body: bytes) -> InvalidArgument:
    """The error of a payload that is not JSON."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        return told("Encountered non UTF-8 code points.", text=body.decode("latin-1"), place=error.start)
    if len(body) > LOOKED_AT:
        return told("Unexpected token.", text="", place=0)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return told(phrase_of(error.msg, text=text, place=error.pos), text=text, place=error.pos)
    except ValueError:
        return told("Unable to parse number.", text=text, place=0)
    except RecursionError:
        return payload_error(TOO_DEEP)
    return told(
        "Unexpected token.", text=text, place=0
    )  # what only the standard library takes: NaN, half a surrogate pair


def payload_error(sentence: str) -> InvalidArgument:
    message = f"{PAYLOAD} {sentence}"
    return InvalidArgument(message, violations=(Violation("", message),))


def phrase_of(reason: str, *, text: str, place: int) -> str:
    """Google's phrase for the standard library's reason."""
    if reason.startswith("Expecting ',' delimiter"):
        phrase = (
            "Expected , or } after key:value pair." if in_object(text[:place]) else "Expected , or ] after array value."
        )
    elif reason.startswith("Expecting value"):
        there = text[place : place + 1]
        phrase = "Unexpected token." if there.isalpha() or there in tuple(",:]}") else "Expected a value."
    else:
        phrase = next((said for start, said in PHRASES.items() if reason.startswith(start)), "Unexpected token.")
    at_end = not text[place:].strip()
    return f"{END} {phrase}" if at_end else phrase


def in_object(text: str) -> bool:
    """True if the innermost bracket that is open at the end of the text is a brace."""
    closed = 0
    for sign in reversed(STRING.sub("", text)):
        if sign in "]}":
            closed += 1
        elif sign in "[{":
            if not closed:
                return sign == "{"
            closed -= 1
    return False


def told(phrase: str, *, text: str, place: int) -> InvalidArgument:
    start = max(0, place - AROUND)
    return payload_error(f"{phrase}\n{text[start : place + AROUND]}\n{' ' * (place - start)}^")
