"""`kumo iam service-accounts`: the accounts themselves. Their keys are in keys.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kumotasks.cli.client import Failure, Json
from kumotasks.cli.command import Command, Flag, Positional
from kumotasks.cli.iam.names import account
from kumotasks.cli.iam.policies import Holder
from kumotasks.cli.iam.policies import commands as policy_commands
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path

_ACCOUNT = Positional("SERVICE_ACCOUNT", "the account: its e-mail, unique id, full name or URL")
_TEXTS = (
    Flag("display-name", "a name for people", metavar="TEXT"),
    Flag("description", "what it is for", metavar="TEXT"),
)
_FIELDS = {"display-name": "displayName", "description": "description"}
_EXAMPLE = "sender@shop.iam.gserviceaccount.com"


def create(line: Line) -> object:
    name = line.text("name")
    body: Json = {"accountId": name, "serviceAccount": _said(line)}
    made = line.call("POST", path("v1", f"projects/{line.project}/serviceAccounts"), body=body)
    line.say(f"Created service account [{name}].")
    return made


def list_accounts(line: Line) -> Iterator[Json]:
    for each in line.pages(path("v1", f"projects/{line.project}/serviceAccounts"), "accounts"):
        if line.on("uri"):  # addresses have the id that no other account ever gets
            each["name"] = f"projects/{each.get('projectId')}/serviceAccounts/{each.get('uniqueId')}"
        yield {**each, "disabled": each.get("disabled") is True}


def describe(line: Line) -> object:
    return line.call("GET", path("v1", account(line).name))


def update(line: Line) -> object:
    one = account(line)
    said = _said(line)
    if not said:
        raise Failure(
            "One of arguments [--display-name, --description] is required: Specify at least one field to update."
        )
    body: Json = {"serviceAccount": said, "updateMask": ",".join(said)}
    made = line.call("PATCH", path("v1", one.name), body=body)
    line.say(f"Updated serviceAccount [{one.ident}].")
    return made


def delete(line: Line) -> object:
    written, one = line.text("service_account"), account(line)
    line.confirm(f"You are about to delete service account [{written}]. Do you want to continue")
    line.call("DELETE", path("v1", one.name))
    line.say(f"deleted service account [{written}]")
    return None


def undelete(line: Line) -> object:
    ident = line.text("account_id")
    if not ident.isdecimal():
        raise Failure(
            "Invalid value for [account_id]: Account unique ID should be a number. Please double check your input and "
            "try again."
        )
    return line.call("POST", path("v1", f"projects/-/serviceAccounts/{ident}", ":undelete"), body={})


def _switching(verb: str, done: str) -> Callable[[Line], object]:
    def run(line: Line) -> object:
        line.call("POST", path("v1", account(line).name, f":{verb}"), body={})
        line.say(f"{done} service account [{line.text('service_account')}].")
        return []

    return run


def _said(line: Line) -> Json:
    """The texts that a line gives an account."""
    return {field: line.text(flag) for flag, field in _FIELDS.items() if line.is_given(flag)}


def _on_an_account(verb: str, text: str, run: Callable[[Line], object], form: str = "yaml") -> Command:
    """A command about one account and nothing else."""
    words = f"iam service-accounts {verb}"
    return Command(words, text, f"kumo {words} {_EXAMPLE}", run, (_ACCOUNT,), format=form)


_POLICY = Holder(
    words="iam service-accounts",
    text="a service account",
    kinds=("service account", "serviceAccount"),
    positional=_ACCOUNT,
    name=lambda line: account(line).name,
    example=_EXAMPLE,
    asked_in_body=False,
)
COMMANDS = (
    Command(
        "iam service-accounts create",
        "make a service account",
        'kumo iam service-accounts create sender --display-name="Sends tasks" --description="for test"',
        create,
        (Positional("NAME", "its name, from which its e-mail is made: NAME@PROJECT_ID.iam.gserviceaccount.com"),),
        _TEXTS,
        format="none",
    ),
    Command(
        "iam service-accounts list",
        "the service accounts of a project",
        "kumo iam service-accounts list --filter=email:sender",
        list_accounts,
        format='table(displayName:label="DISPLAY NAME", email, disabled)',
        listed=True,
        uri="v1",
    ),
    _on_an_account("describe", "all that is known of a service account", describe),
    Command(
        "iam service-accounts update",
        "change a service account's texts; what is not named stays",
        f'kumo iam service-accounts update {_EXAMPLE} --display-name="Sends mail"',
        update,
        (_ACCOUNT,),
        _TEXTS,
    ),
    _on_an_account("delete", "delete a service account; for 30 days undelete brings it back", delete, "none"),
    Command(
        "iam service-accounts undelete",
        "bring a deleted service account back",
        "kumo iam service-accounts undelete 103271949540120710052",
        undelete,
        (Positional("ACCOUNT_ID", "its unique id, 21 digits: an e-mail may be another account's by now"),),
    ),
    _on_an_account("enable", "let a disabled service account act again", _switching("enable", "Enabled"), "none"),
    _on_an_account("disable", "let a service account do nothing for now", _switching("disable", "Disabled"), "none"),
    *policy_commands(_POLICY),
)
