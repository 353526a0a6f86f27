"""`kumo iam service-accounts keys`: what accounts prove themselves with."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from kumotasks.cli.client import Failure, Json
from kumotasks.cli.command import Command, Flag, Positional
from kumotasks.cli.iam.names import IAM_ACCOUNT, key, parsed
from kumotasks.cli.iam.output_file import check, put, put_private
from kumotasks.cli.line import Line
from kumotasks.cli.resource import basename, path
from kumotasks.cli.values import BadValue, one_of

_KEY = (Positional("KEY-ID", "the key's id, full name or URL"),)
_FILES = {"json": "TYPE_GOOGLE_CREDENTIALS_FILE", "p12": "TYPE_PKCS12_FILE"}
_PUBLIC = {"pem": "TYPE_X509_PEM_FILE", "raw": "TYPE_RAW_PUBLIC_KEY"}
_KINDS = {"user": "USER_MANAGED", "system": "SYSTEM_MANAGED"}
_LIST = """table(
    name.basename():label=KEY_ID,
    validAfterTime:label=CREATED_AT,
    validBeforeTime:label=EXPIRES_AT,
    disabled:label=DISABLED,
    disableReason:label=DISABLE_REASON,
    extendedStatus:label=EXTENDED_STATUS)"""
_OF = "--iam-account=sender@shop.iam.gserviceaccount.com"
_ID = "90c48f61c65cd56224a12ab18e6ee9ca9c3aee7c"


def create(line: Line) -> object:
    written, account = line.text("output-file"), line.text("iam-account")
    form = line.text("key-file-type") or "json"
    check(written)
    made = line.call("POST", path("v1", f"{parsed(account).name}/keys"), body={"privateKeyType": _FILES[form]})
    try:
        put_private(written, base64.b64decode(str(made.get("privateKeyData"))))
    except Failure:
        with suppress(Failure):  # nobody has it: it must not be good for anything
            line.call("DELETE", path("v1", str(made.get("name"))))
        raise
    line.say(f"created key [{basename(made.get('name'))}] of type [{form}] as [{written}] for [{account}]")
    return None


def list_keys(line: Line) -> Iterable[Json]:
    kind = _KINDS.get(line.text("managed-by"))
    account = parsed(line.text("iam-account"))
    keys = line.pages(path("v1", f"{account.name}/keys"), "keys", {"keyTypes": kind} if kind else None)
    before = line["created-before"]
    if not isinstance(before, datetime):
        return keys
    from kumotasks.cli.show.times import instant

    return (each for each in keys if (made := instant(each.get("validAfterTime"))) is not None and made < before)


def delete(line: Line) -> object:
    name, account = key(line), line.text("iam-account")
    line.confirm(
        f"You are about to delete key [{line.text('key-id')}] for service account [{account}]. Do you want to continue"
    )
    line.call("DELETE", path("v1", name))
    line.say(f"deleted key [{basename(name)}] for service account [{account}]")
    return None


def upload(line: Line) -> object:
    account = parsed(line.text("iam-account"))
    written = line.text("public_key_file")
    try:
        content = Path(written).expanduser().read_bytes().strip()
    except OSError as error:
        raise Failure(
            f"Invalid value for [public_key_file]: Unable to read file [{written}]: {error.strerror or error}. "
            "Please double check your input and try again."
        ) from error
    body: Json = {"publicKeyData": base64.b64encode(content).decode()}
    return line.call("POST", path("v1", f"{account.name}/keys", ":upload"), body=body)


def get_public_key(line: Line) -> object:
    name, written = key(line), line.text("output-file")
    query = {"publicKeyType": _PUBLIC[line.text("type") or "pem"]}
    found = line.call("GET", path("v1", name), query=query)
    put(written, base64.b64decode(str(found.get("publicKeyData", ""))))
    line.say(f"written key [{basename(name)}] for [{line.text('iam-account')}] as [{written}]")
    return None


def _switching(verb: str, done: str) -> Callable[[Line], object]:
    def run(line: Line) -> object:
        name = key(line)
        line.call("POST", path("v1", name, f":{verb}"), body={})
        line.say(f"{done} key [{basename(name)}] for service account [{line.text('iam-account')}].")
        return []

    return run


def _moment(written: str) -> object:
    from kumotasks.cli.show.times import instant

    found = instant(written)
    if found is None:
        raise BadValue(f"Failed to parse date/time: [{written}]. Write 2026-07-19T12:00:00Z.")
    return found


COMMANDS = (
    Command(
        "iam service-accounts keys create",
        "make a key and write its private half to a file that only you can read; the server does not keep it",
        f"kumo iam service-accounts keys create ./key.json {_OF}",
        create,
        (Positional("OUTPUT-FILE", "where the private half is written; - is the standard output"),),
        (
            IAM_ACCOUNT,
            Flag("key-file-type", "json or p12 (json)", one_of("json", "p12")),
        ),
        format="none",
    ),
    Command(
        "iam service-accounts keys list",
        "the keys of a service account",
        f"kumo iam service-accounts keys list {_OF} --managed-by=user",
        list_keys,
        flags=(
            IAM_ACCOUNT,
            Flag("managed-by", "user, system or any (any)", one_of("user", "system", "any")),
            Flag("created-before", "only keys that were made before this time", _moment, metavar="TIME"),
        ),
        format=_LIST,
        listed=True,
        uri="v1",
    ),
    Command(
        "iam service-accounts keys delete",
        "delete a key: what it signs is worth nothing from now on",
        f"kumo iam service-accounts keys delete {_ID} \\\n    {_OF}",
        delete,
        _KEY,
        (IAM_ACCOUNT,),
        format="none",
    ),
    *(
        Command(
            f"iam service-accounts keys {verb}",
            text,
            f"kumo iam service-accounts keys {verb} {_ID} \\\n    {_OF}",
            _switching(verb, done),
            _KEY,
            (IAM_ACCOUNT,),
            format="none",
        )
        for verb, done, text in (
            ("disable", "Disabled", "let a key be good for nothing for now"),
            ("enable", "Enabled", "let a disabled key be good again"),
        )
    ),
    Command(
        "iam service-accounts keys upload",
        "let an account prove itself with a key of your own",
        f"kumo iam service-accounts keys upload ./public.pem {_OF}",
        upload,
        (Positional("PUBLIC_KEY_FILE", "an X.509 certificate in PEM, of an RSA key"),),
        (IAM_ACCOUNT,),
    ),
    Command(
        "iam service-accounts keys get-public-key",
        "write a key's public half to a file",
        f"kumo iam service-accounts keys get-public-key {_ID} \\\n    {_OF} --output-file=public.pem",
        get_public_key,
        _KEY,
        (
            IAM_ACCOUNT,
            Flag("output-file", "where it is written; - is the standard output", metavar="PATH", required=True),
            Flag("type", "pem for a certificate, or raw for the key alone (pem)", one_of("pem", "raw")),
        ),
        format="none",
    ),
)
