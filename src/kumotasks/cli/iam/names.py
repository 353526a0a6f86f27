"""Which service account or key a line is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kumotasks.cli.client import WrongCall
from kumotasks.cli.command import Flag
from kumotasks.cli.line import Line
from kumotasks.cli.resource import last_id, named
from kumotasks.cli.values import BadValue

ACCOUNT = "projects/*/serviceAccounts/*"
KEY = f"{ACCOUNT}/keys/*"
_IDENT = re.compile(r"[^/\s]+@[^/\s]+\.[^/\s]+|[0-9]+")
_HINT = (
    "Not a valid service account identifier. Write its e-mail, such as sender@PROJECT_ID.iam.gserviceaccount.com, or "
    "its numeric unique_id."
)


@dataclass(frozen=True, slots=True)
class Account:
    """A service account; `ident` is its e-mail or its unique id."""

    name: str  # projects/P/serviceAccounts/IDENT, where P may be "-": whatever project has it
    ident: str


def parsed(written: str) -> Account:
    """An account by e-mail, unique id, full name or URL. Raises BadValue."""
    parts = named(written, ACCOUNT) or {"projects": "-", "serviceAccounts": written}
    ident = parts["serviceAccounts"]
    if not _IDENT.fullmatch(ident):
        raise BadValue(f"Bad value [{written}]: {_HINT}")
    return Account(f"projects/{parts['projects']}/serviceAccounts/{ident}", ident)


def account(line: Line) -> Account:
    """The account that the line's first word names. Raises WrongCall."""
    try:
        return parsed(line.text("service_account"))
    except BadValue as error:
        raise WrongCall(f"argument SERVICE_ACCOUNT: {error}") from None


def key(line: Line) -> str:
    """The full name of a key from its id and --iam-account, or from a name or URL of its own."""
    written = line.text("key-id")
    if found := named(written, KEY):
        return "/".join(f"{kind}/{each}" for kind, each in found.items())
    return f"{parsed(line.text('iam-account')).name}/keys/{last_id(written, 'key', KEY)}"


def _checked(written: str) -> object:
    parsed(written)
    return written


IAM_ACCOUNT = Flag("iam-account", "the key's service account: e-mail or unique id", _checked, required=True)
