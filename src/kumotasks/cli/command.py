"""What a command is: a frozen row of a table, from which its parser, its help and its errors are made.

A group of commands is a module that has two names: `COMMANDS`, a tuple of Command, and `GROUPS`, a sentence for each
group of words ("tasks queues": "queues of tasks"). It is added by one line in cli/table.py. Such a module imports only
what a line needs that never gets to run; what only a call needs is imported by the command's `run`.

`run` gets a Line (cli/line.py) and gives back what is to be shown: a JSON object, a list or iterator of them, or None.
How it is shown (--format, --filter, --sort-by, --limit, --uri) is no command's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kumotasks.cli.values import Value, whole

if TYPE_CHECKING:
    from kumotasks.cli.line import Line

Json = dict[str, object]


def as_written(written: str) -> object:
    """A value that is taken as it is written."""
    return written


@dataclass(frozen=True, slots=True)
class Flag:
    """`--name`; `value` reads what is written after it (cli/values.py), None makes it a switch."""

    name: str
    text: str
    value: Value | None = as_written
    metavar: str = ""
    required: bool = False
    repeated: bool = False  # given several times: its value is then a list
    short: str = ""  # such as "q"
    needs: str = ""  # the flag without which this one means nothing
    hidden: bool = False

    @property
    def shown(self) -> str:
        """As help writes it."""
        if self.value is None:
            return f"--{self.name}"
        return f"--{self.name}={self.metavar or self.name.rpartition('-')[2].upper()}"


@dataclass(frozen=True, slots=True)
class Positional:
    """A word of the line without dashes; `count` is "1", "?" (may be missing), "+" (one or more: a list) or "*" (a list
    that may be missing)."""

    name: str  # in capitals, as help writes it
    text: str
    count: str = "1"

    @property
    def shown(self) -> str:
        forms = {"1": "{0}", "?": "[{0}]", "+": "{0} [{0} ...]", "*": "[{0} ...]"}
        return forms[self.count].format(self.name)


@dataclass(frozen=True, slots=True)
class Command:
    """`kumo WORDS`. `example` is a line that works; `format` is how its result is shown without --format.

    `exclusive` holds sets of flags of which at most one may be given; a member of a set is a tuple of flags that go
    together. `uri` is the API's version in an item's address, for --uri; "" where items have none. Without
    `wide` the command takes none of the flags that all take.
    """

    words: str
    text: str
    example: str
    run: Callable[[Line], object]
    positionals: tuple[Positional, ...] = ()
    flags: tuple[Flag, ...] = ()
    exclusive: tuple[tuple[tuple[str, ...], ...], ...] = ()
    format: str = "yaml"
    listed: bool = False
    located: bool = False
    page_size: int = 0  # items asked for at once where --page-size does not say; 0 leaves it to the server
    uri: str = ""
    transforms: Mapping[str, Callable[[object], object]] | None = None  # of this command's own
    wide: bool = True
    streamed: bool = False  # its items are shown as they come, until it ends or the caller ends it

    @property
    def dotted(self) -> str:
        """As errors name it."""
        return "kumo." + self.words.replace(" ", ".")

    @property
    def all_flags(self) -> tuple[Flag, ...]:
        return (
            *self.flags,
            *(LOCATED if self.located else ()),
            *(flag for flag in LISTED if self.listed and (self.uri or flag.name != "uri")),
            *(WIDE if self.wide else ()),
            HELP,
        )


HELP = Flag("help", "this text", None, short="h")
LOCATED = (Flag("location", "the location; tasks/location in the configuration, else the server's default"),)
LISTED = (
    Flag("filter", "show what this expression holds for: state=RUNNING AND name:mail", metavar="EXPRESSION"),
    Flag("limit", "show so many at most", whole(1), metavar="N"),
    Flag("page-size", "ask the server for so many at once", whole(1), metavar="N"),
    Flag("sort-by", "sort by these fields; ~ in front turns the order", metavar="FIELD,..."),
    Flag("uri", "show the items' addresses only", None),
)
WIDE = (
    Flag("project", "the project; core/project in the configuration, else the server's default"),
    Flag("format", "json, yaml, text, csv(FIELD,...), value(FIELD,...), table(FIELD,...)"),
    Flag("flatten", "a record for each element of this list", metavar="FIELD[]"),
    Flag("quiet", "ask nothing, take the default", None, short="q"),
    Flag("endpoint", "where the server listens (KUMO_ENDPOINT)", metavar="URL"),
    Flag("key-file", "the service account's key to call with (KUMO_KEY_FILE)", metavar="PATH"),
    Flag("configuration", "the named configuration to use for this line", metavar="NAME"),
    Flag("verbosity", "debug, info, warning, error, critical or none", metavar="LEVEL"),
    Flag("account", "which of the accounts whose keys are kept calls are made as", metavar="EMAIL"),
    Flag("impersonate-service-account", "make calls as this account, if the caller may", metavar="EMAIL"),
    Flag("billing-project", "", hidden=True),
    Flag("no-user-output-enabled", "print nothing", None),
    Flag("user-output-enabled", "", None, hidden=True),
    Flag("log-http", "", None, hidden=True),
)
