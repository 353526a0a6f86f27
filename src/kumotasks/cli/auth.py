"""`kumo auth`: whose key calls are made with, and tokens in his name.

A key that is activated is copied (cli/credentials.py): the file that it came in may be deleted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kumotasks.cli.client import Failure, WrongCall
from kumotasks.cli.command import LISTED, Command, Flag, Json, Positional
from kumotasks.cli.credentials import KEY_FILE, Credentials, KeptKey
from kumotasks.cli.durations import duration
from kumotasks.cli.line import Line
from kumotasks.cli.tokens import SCOPES, TokenEndpoint, content_of, key_in
from kumotasks.cli.values import several

if TYPE_CHECKING:
    from kumotasks.auth.keyfile import HeldKey

ACCOUNTS = "table[title='Credentialed Accounts'](status.yesno(yes='*', no=''):label=ACTIVE, account)"
CLIENT_ID = "32555940559.apps.googleusercontent.com"  # gcloud's: whom its identity tokens are for if nobody is named
_LONGEST = 43_200  # seconds that an access token may hold
_OTHERWISE = (
    "If you have already logged in with a different account, run:\n\n  $ kumo auth login ACCOUNT\n\n"
    "to select an already authenticated account to use."
)


def activate(line: Line) -> object:
    if not line.is_given("key-file"):
        raise WrongCall("argument --key-file: Must be specified.")
    account = _activated(line, Path(line.text("key-file")))
    line.say(f"Activated service account credentials for: [{account}]")
    return None


def login(line: Line) -> object:
    """As the owner, unless the line names another."""
    account, file = line.text("account"), line.text("cred-file") or line.text("key-file")
    kept = Credentials(line.properties).find(account) if account and not file else None
    if file:
        line.say(f"\nAuthenticated with service account credentials for: [{_activated(line, Path(file))}].")
    elif kept is not None and not line.on("force"):
        line.warn(
            f"Re-using locally stored credentials for [{account}]. To fetch new credentials, re-run the command with "
            "the `--force` flag."
        )
        Credentials(line.properties).use(kept)
        _keep_project(line)
        _warn_of_variables(line)
        line.say(f"\nYou are now logged in as [{account}].")
    elif not _owners_key(line):
        return None
    else:
        line.say(f"\nYou are now logged in as [{_activated(line, Path(_owners_key(line)))}].")
    line.say(
        f"Your current project is [{line.project}].  You can change this setting by running:\n"
        "  $ kumo config set project PROJECT_ID"
    )
    return None


def list_accounts(line: Line) -> object:
    from kumotasks.cli.show.filter import Filter

    condition, wanted = Filter(line.text("filter")), line.text("filter-account")
    found = [each for each in _accounts(line) if wanted in ("", each["account"]) and condition.holds(each)]
    if line.is_given("format"):
        return found
    if not found:
        line.say("\nNo credentialed accounts.\n\nTo login, run:\n  $ kumo auth login `ACCOUNT`\n")
        return None
    _print(line, _LIST, found)
    line.say("\nTo set the active account, run:\n    $ kumo auth login `ACCOUNT`\n")
    return None


def revoke(line: Line) -> object:
    credentials = Credentials(line.properties)
    revoked = _named(line, credentials)
    for key in revoked:
        credentials.forget(key)
        line.warn(
            f"[{key.account}] appears to be a service account. Service account tokens cannot be revoked, but they will "
            "expire automatically. To prevent use of the service account token earlier than the expiration, delete or "
            "disable the parent service account. To explicitly delete the key associated with the service account use "
            "`kumo iam service-accounts keys delete` instead."
        )
    _warn_of_variables(line)
    names = [key.account for key in revoked]
    if line.is_given("format"):
        return names
    print("Revoked credentials:")
    _print(line, _REVOKE, names)
    if left := _accounts(line):
        from kumotasks.cli.show.output import text
        from kumotasks.cli.show.projection import parse

        line.say(text(parse("", ACCOUNTS), left, single=False, own={}).removesuffix("\n"))
    return None


def print_access_token(line: Line) -> object:
    impersonated = line.text("impersonate-service-account")
    if line.is_given("lifetime") and not impersonated:
        raise Failure(
            "Invalid value for [--lifetime]: Lifetime flag is for service account impersonation only. It must be used "
            "together with the --impersonate-service-account flag."
        )
    scopes = tuple(line.texts("scopes")) or SCOPES
    if impersonated:
        given = line["lifetime"]
        asked: Json = {"scope": list(scopes)}
        if isinstance(given, float):
            asked["lifetime"] = f"{given:g}s"
        return {"token": _minted(line, "generateAccessToken", asked).get("accessToken")}
    return {"token": _endpoint(line).access_token(_key(line), scopes)}


def print_identity_token(line: Line) -> object:
    audience = line.text("audiences") or CLIENT_ID
    if line.text("impersonate-service-account"):
        asked: Json = {"audience": audience, "includeEmail": line.on("include-email")}
        return {"id_token": _minted(line, "generateIdToken", asked).get("token")}
    if line.on("include-email"):
        raise Failure("Invalid account type for `--include-email`. Requires an impersonate service account.")
    return {"id_token": _endpoint(line).identity_token(_key(line), audience)}


def _activated(line: Line, path: Path) -> str:
    """The account of a key that is now kept and used, once the server has believed it."""
    content = content_of(path)
    key = key_in(content, path)
    if line.text("account") not in ("", key.email):
        raise Failure(
            "Invalid value for [ACCOUNT]: The given account name does not match the account name in the key file.  "
            "This argument can be omitted when using .json keys."
        )
    _endpoint(line).access_token(key)
    credentials = Credentials(line.properties)
    credentials.use(credentials.keep(key.email, content))
    _keep_project(line)
    _warn_of_variables(line)
    return key.email


def _keep_project(line: Line) -> None:
    if line.is_given("project"):
        line.properties.set("core/project", line.text("project"))


def _owners_key(line: Line) -> str:
    """Where the server says that its owner's key is; "" where nobody needs one. Raises Failure."""
    page, account = line.client.page, line.text("account")
    if page.owner_key and (
        not account or key_in(content_of(Path(page.owner_key)), Path(page.owner_key)).email == account
    ):
        return page.owner_key
    if account:
        raise Failure(
            f"No key of [{account}] is kept here. Please run:\n\n"
            "  $ kumo auth activate-service-account --key-file=SERVICE_ACCOUNT_FILE_PATH\n\nto obtain credentials."
        )
    if page.auth == "off":
        line.say(f"{line.client.endpoint.url} asks nobody who he is: there is no need to log in.")
        return ""
    raise Failure(
        f"{line.client.endpoint.url} tells its owner's key only to callers on its own machine. Copy the file that "
        "`kumo serve` wrote there (owner.json in its data directory), and log in with --cred-file=PATH."
    )


def _print(line: Line, command: Command, items: object) -> None:
    """Show it now: something is still to be said afterwards."""
    from kumotasks.cli.show.output import show

    show(line, command, items)
    sys.stdout.flush()


def _warn_of_variables(line: Line) -> None:
    """A variable says what the configuration now says otherwise."""
    if variable := line.properties.overridden_by(KEY_FILE):
        line.warn(f"Property [{KEY_FILE}] is overridden by the variable {variable}.")


def _accounts(line: Line) -> list[dict[str, str]]:
    credentials = Credentials(line.properties)
    used = credentials.used()
    active = used.account if used else ""
    return [
        {"account": each.account, "status": "ACTIVE" if each.account == active else ""} for each in credentials.all()
    ]


def _named(line: Line, credentials: Credentials) -> list[KeptKey]:
    """The keys that are to be revoked. Raises Failure."""
    known = {each.account: each for each in credentials.all()}
    named = line.texts("accounts") or list(filter(None, [line.text("account")]))
    if unknown := [each for each in named if each not in known]:
        raise Failure(f"Unknown value for [accounts]: {' '.join(unknown)}")
    used = [each.account for each in [credentials.used()] if each is not None]
    found = list(known) if line.on("all") else named or used
    if not found:
        raise Failure("Invalid value for [accounts]: No credentials available to revoke.")
    return [known[each] for each in dict.fromkeys(found)]


def _key(line: Line) -> HeldKey:
    """The key of the account that the line names; else the one that calls are made with. Raises Failure."""
    if account := line.text("account"):
        kept = Credentials(line.properties).find(account)
        if kept is None:
            raise Failure(
                f"Your current active account [{account}] does not have any valid credentials\nPlease run:\n\n"
                "  $ kumo auth login\n\nto obtain new credentials.\n\nFor service account, please activate it first:"
                "\n\n  $ kumo auth activate-service-account ACCOUNT"
            )
        return key_in(content_of(kept.path), kept.path)
    named = line.text("key-file") or line.properties.get(KEY_FILE) or line.client.page.owner_key
    if not named:
        raise Failure(
            "You do not currently have an active account selected.\nPlease run:\n\n  $ kumo auth login\n\n"
            f"to obtain new credentials.\n\n{_OTHERWISE}"
        )
    return key_in(content_of(Path(named)), Path(named))


def _endpoint(line: Line) -> TokenEndpoint:
    return TokenEndpoint(line.client.endpoint)


def _minted(line: Line, verb: str, asked: Json) -> Json:
    """A token of another account, which the caller must be allowed to make."""
    return line.client.minted(line.text("impersonate-service-account"), verb, asked)


def _lifetime(written: str) -> object:
    from kumotasks.cli.values import BadValue

    found = duration(written)
    if isinstance(found, float | int) and found > _LONGEST:
        raise BadValue(f"value must be less than or equal to {_LONGEST}s; received: {written}")
    return found


_ACCOUNT = Positional("ACCOUNT", "the account; else the one that calls are made with", "?")
_LIST = Command(
    "auth list",
    "the accounts whose keys are kept, and the one that calls are made as",
    "kumo auth list --filter=status:ACTIVE --format='value(account)'",
    list_accounts,
    flags=(
        Flag("filter-account", "this account only", metavar="ACCOUNT"),
        *(flag for flag in LISTED if flag.name not in ("uri", "page-size")),
    ),
    format=ACCOUNTS,
)
_REVOKE = Command(
    "auth revoke",
    "forget keys that are kept; at the server they stay good until they are deleted there",
    "kumo auth revoke sender@shop.iam.gserviceaccount.com worker@shop.iam.gserviceaccount.com",
    revoke,
    (Positional("ACCOUNTS", "whose; else the one that calls are made with", "*"),),
    (Flag("all", "every one", None),),
    format="list",
)
GROUPS = {"auth": "whose key calls are made with, and tokens in his name"}
COMMANDS = (
    Command(
        "auth login",
        "make calls as the owner of the server on this machine, or as an account whose key is kept already",
        "kumo auth login",
        login,
        (Positional("ACCOUNT", "an account whose key is kept; else the owner", "?"),),
        (
            Flag("cred-file", "a service account's key to log in with", metavar="PATH"),
            Flag("force", "fetch the owner's key anew, though one is kept", None),
        ),
    ),
    Command(
        "auth activate-service-account",
        "keep a service account's key (--key-file) and make calls with it from now on",
        "kumo auth activate-service-account --key-file=key.json",
        activate,
        (Positional("ACCOUNT", "its e-mail, which the file has too", "?"),),
    ),
    _LIST,
    _REVOKE,
    Command(
        "auth print-access-token",
        "an access token, for other programs to call with",
        "kumo auth print-access-token",
        print_access_token,
        (_ACCOUNT,),
        (
            Flag("scopes", "what it allows; else everything", several, metavar="SCOPE,..."),
            Flag("lifetime", "how long it holds, of another account's", _lifetime, metavar="DURATION"),
        ),
        format="value(token)",
    ),
    Command(
        "auth print-identity-token",
        "an identity token, which tells AUDIENCE who calls",
        "kumo auth print-identity-token --audiences=https://worker.example",
        print_identity_token,
        (_ACCOUNT,),
        (
            Flag("audiences", "whom it is for", metavar="AUDIENCE"),
            Flag("include-email", "have the e-mail in another account's", None),
        ),
        format="value(id_token)",
    ),
)
