"""What a worker's bytes amount to: llhttp reads them, this decides. Pure; it must never know of sockets or time.

Rules. The final status decides, answers of 1xx are passed over. A body is read to its end and thrown away, so that the
connection can be used again, but for the first bytes; past a bound the status already decides and the connection is
given up. If a body breaks off, a 2xx is no success (the worker did not finish what it was saying) and any other status
stands. Bytes after the end of an answer are never the beginning of the next one: they spoil the connection.

Of a 2xx no header matters, so headers are not even made into objects while an answer is read: where one is wanted after
all, the head is read a second time. And workers say the same thing over and over: an answer that is byte for byte the
last one on its connection, in one read, is worth what that was.
"""

from __future__ import annotations

from dataclasses import dataclass

import httptools

from kumotasks.dispatch.redirect import REDIRECTS
from kumotasks.domain.attempt import HTTP_OK, Answered, Unreachable
from kumotasks.domain.history import EXCERPT

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 1024 * 1024
INTERIM_LIMIT = 16
SHORT = 1024
FIELD_LIMIT = 256

SWITCHING_PROTOCOLS = 101


@dataclass(frozen=True, slots=True)
class Redirected:
    """An answer that asks to be followed; `answered` is what it is worth if it is not."""

    answered: Answered
    location: str


Reply = Answered | Redirected | Unreachable


class AnswerReader:
    """Reads the answers on one connection, one after the other; `expect` before each.

    The methods that begin with `on_` are llhttp's callbacks.
    """

    __slots__ = (
        "_bodiless",
        "_complete",
        "_excerpt",
        "_failure",
        "_head",
        "_interim",
        "_last",
        "_last_data",
        "_parser",
        "_received",
        "_status",
        "reusable",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._last: Reply | None = None
        self._last_data = b""
        self._bodiless = False
        self.expect(bodiless=False)

    def expect(self, *, bodiless: bool) -> None:
        """Make ready for an answer; `bodiless` if it has none whatever its head says (HEAD)."""
        if self._bodiless:
            # llhttp could not be told that no body follows: its reading of that answer has not ended.
            self._parser = httptools.HttpResponseParser(self)
        self._bodiless = bodiless
        self._complete = False
        self._excerpt = b""
        self._failure = ""
        self._head = b""
        self._interim = 0
        self._received = 0
        self._status = 0
        self.reusable = False

    def feed(self, data: bytes) -> Reply | None:
        """The answer, once it is whole or can no longer become so; `reusable` then says if another may follow."""
        if data == self._last_data and not self._received and not self._bodiless:
            self.reusable = True
            return self._last
        self._received += len(data)
        if self._received > HEAD_LIMIT:
            return self._feed_much(data)
        reply = self._parse(data)
        if self.reusable and not self._bodiless and self._received == len(data) <= SHORT:
            self._last, self._last_data = reply, data
        if reply is not None:
            self._head = b""  # an idle connection holds nothing
        return reply

    def end(self, reason: str) -> Reply:
        """The answer, if the worker has ended the connection; some answers end no other way."""
        if self._status and self._ends_with_the_connection():
            return self._verdict()
        return self.cut(reason)

    def cut(self, reason: str) -> Reply:
        """The answer, if it broke off because of `reason`: a status that is no success stands even so."""
        self.reusable = False
        if self._status and self._status not in HTTP_OK:
            return self._verdict()
        return Unreachable(reason)

    def _parse(self, data: bytes) -> Reply | None:
        if not self._status:
            self._head = self._head + data if self._head else data
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            return self._garbled(str(error))
        return self._verdict() if self._complete else None

    def _feed_much(self, data: bytes) -> Reply | None:
        """The same within the bounds, which hold however the bytes are cut into reads."""
        if not self._head_ended():
            room = max(0, HEAD_LIMIT - (self._received - len(data)))
            reply = self._parse(data[:room])
            if not self._head_ended():
                return reply or Unreachable(f"the answer's header is too large: more than {HEAD_LIMIT} bytes")
            if reply is not None and not self._complete:
                return reply
            data = data[room:]
        reply = self._parse(data)
        if reply is None and self._received > BODY_LIMIT:
            return self._verdict()
        return reply

    def _head_ended(self) -> bool:
        return self._status != 0

    def _garbled(self, error: str) -> Reply:
        self.reusable = False
        if self._complete:  # what follows a whole answer is no part of it
            return self._verdict()
        return self.cut(self._failure or f"the worker's answer is not HTTP: {error}")

    def _verdict(self) -> Reply:
        status = self._status
        if status in HTTP_OK:
            return Answered(status, None, self._excerpt)
        fields = fields_of(self._head)
        answered = Answered(status, fields.get("retry-after", "")[:FIELD_LIMIT] or None, self._excerpt)
        location = fields.get("location") if status in REDIRECTS else None
        return Redirected(answered, location) if location else answered

    def _ends_with_the_connection(self) -> bool:
        fields = fields_of(self._head)
        return "content-length" not in fields and not fields.get("transfer-encoding", "").lower().endswith("chunked")

    def on_message_begin(self) -> None:
        if self._complete:
            raise ValueError("bytes after the answer")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self._status = status
            if self._bodiless:
                self._complete = True
                self.reusable = self._parser.should_keep_alive()
            return
        self._interim += 1
        if status == SWITCHING_PROTOCOLS or self._interim > INTERIM_LIMIT:
            switched = status == SWITCHING_PROTOCOLS
            self._failure = "the worker switched protocols" if switched else "the worker sent too many interim answers"
            raise ValueError(self._failure)

    def on_body(self, body: bytes) -> None:
        if self._bodiless:
            self.reusable = False
        room = EXCERPT - len(self._excerpt)
        if room > 0:
            self._excerpt += body[:room]

    def on_message_complete(self) -> None:
        if self._status and not self._complete:
            self._complete = True
            self.reusable = self._parser.should_keep_alive()


class _FieldReader:
    """Notes the fields of the final head, and nothing after it."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.parser = httptools.HttpResponseParser(self)
        self._ended = False

    def on_message_begin(self) -> None:
        if not self._ended:
            self.fields.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._ended:
            self.fields[name.decode("latin-1").lower()] = value.decode("utf-8", "replace").strip()

    def on_headers_complete(self) -> None:
        self._ended = self._ended or self.parser.get_status_code() >= 200


def fields_of(head: bytes) -> dict[str, str]:
    """The fields of an answer's head that has been read before, by their names in lower case."""
    reader = _FieldReader()
    try:
        reader.parser.feed_data(head)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        pass  # it is what follows the head that is wrong
    return reader.fields
