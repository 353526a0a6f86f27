"""A line as its command gets it: what was written, what is configured, and the server that it is about.

A command asks it for values by name and prints nothing itself but by `say`. Which words a line may have is the table's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property

from kumotasks.cli.client import DEFAULT_ENDPOINT, Client, Failure, Json, endpoint_at
from kumotasks.cli.credentials import Credentials
from kumotasks.cli.properties import Properties

_ON = ("true", "1", "yes", "on")


class Aborted(Failure):
    """The caller was asked, and said no."""


class Line:
    """`given` has what was written, by the names of flags and positionals in lower case; `code` is the exit code."""

    def __init__(self, given: Mapping[str, object], properties: Properties, page_size: int = 0) -> None:
        self.properties = properties
        self.code = 0
        self._given = given
        self._page_size = page_size

    def __getitem__(self, name: str) -> object:
        """A value; None where it was not given."""
        return self._given.get(name)

    def is_given(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str) -> str:
        """ "" where it was not given."""
        value = self._given.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        value = self._given.get(name)
        return [str(each) for each in value] if isinstance(value, list) else []

    def pairs(self, name: str) -> dict[str, str]:
        """A value of the formats `keyed` and `pairs`, or a repeated `header`; of a field given twice the last holds."""
        value = self._given.get(name)
        if isinstance(value, dict):
            return value
        return dict(value) if isinstance(value, list) else {}

    def number(self, name: str, default: int = 0) -> int:
        value = self._given.get(name)
        return value if isinstance(value, int) else default

    def on(self, name: str) -> bool:
        """A switch."""
        return self._given.get(name) is True

    @cached_property
    def client(self) -> Client:
        """The server, by flag, variable, configuration or default."""
        url = self.text("endpoint") or self.properties.get("api/endpoint") or DEFAULT_ENDPOINT
        if account := self.text("impersonate-service-account"):
            self.warn(
                f"This command is using service account impersonation. All API calls will be executed as [{account}]."
            )
        return Client(endpoint_at(url), self.text("key-file") or self._key_in_use(), account)

    @cached_property
    def project(self) -> str:
        """By flag or configuration, else what the server was started with."""
        return self.text("project") or self.properties.get("core/project") or self.client.page.project

    @cached_property
    def location(self) -> str:
        """By flag or configuration, else what the server was started with, and then it is said."""
        found = self.text("location") or self.properties.get("tasks/location")
        if not found:
            found = self.client.page.location
            self.warn(f"No location is given: this is about the server's default, {found}. --location names another.")
        return found

    def _key_in_use(self) -> str:
        """The kept key of the account that is named, else the one that calls are made with; "" if there is none."""
        account = self.text("account") or self.properties.get("core/account")
        kept = Credentials(self.properties).find(account) if account else None
        return str(kept.path) if kept is not None else self.properties.get("auth/key_file")

    def call(self, verb: str, path: str, *, query: Mapping[str, str] | None = None, body: Json | None = None) -> Json:
        """The server's answer; `path` is quoted (resource.path). Raises Failure."""
        return self.client.call(verb, path, query=query, body=body)

    def stream(self, path: str, body: Json) -> Iterator[Json]:
        """The elements of an answer that grows, as they come."""
        return self.client.stream(path, body)

    def pages(self, path: str, field: str, query: Mapping[str, str] | None = None) -> Iterator[Json]:
        """The items of a list, page after page as they are asked for."""
        asked = dict(query or {})
        size = self.number("page-size", self._page_size)
        if size:
            asked["pageSize"] = str(size)
        seen: set[str] = set()
        while True:
            answer = self.call("GET", path, query=asked)
            items = answer.get(field)
            yield from (each for each in items if isinstance(each, dict)) if isinstance(items, list) else ()
            token = answer.get("nextPageToken")
            if not isinstance(token, str) or not token or token in seen:
                return
            seen.add(token)
            asked["pageToken"] = token

    def say(self, sentence: str) -> None:
        """Tell the caller; what is piped onwards does not see it."""
        if not self.on("no-user-output-enabled"):
            print(sentence, file=sys.stderr, flush=True)

    def progress(self, sentence: str) -> AbstractContextManager[None]:
        """Tell a caller at a terminal that something is going on, for as long as it takes."""
        from kumotasks.cli import progress

        return nullcontext() if self.on("no-user-output-enabled") else progress.shown(sentence)

    def warn(self, sentence: str) -> None:
        level = self.text("verbosity") or self.properties.get("core/verbosity") or "warning"
        if level in ("debug", "info", "warning"):
            self.say(f"WARNING: {sentence}")

    @property
    def asks(self) -> bool:
        """Whether the caller is to be asked at all."""
        return not self.on("quiet") and self.properties.get("core/disable_prompts").lower() not in _ON

    def confirm(self, question: str, *, default: bool = True) -> None:
        """Go on only if the caller says so, for which a bare return counts by `default`, or is not to be asked. Raises
        Aborted."""
        from kumotasks.cli.prompt import agreed

        if self.asks and not agreed(question, default=default):
            raise Aborted("Aborted by user.")
