"""Accounts and keys as the store keeps them: kinds, places and bytes. Private halves have no form here."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.account_key import AccountKey, KeyOrigin, KeyType
from kumotasks.storage.records import Record

ACCOUNT = "account"  # under the e-mail
REPLACED = "account-replaced"  # under the unique id: deleted, and another one has its e-mail
KEY = "account-key"  # under unique id / key id


def account_bytes(account: ServiceAccount) -> bytes:
    fields = asdict(account)
    del fields["etag"]  # the record's own
    return json.dumps(fields).encode()


def account_value(record: Record) -> ServiceAccount:
    """The etag is the record's: sixteen hex digits, which are base64 text too."""
    return replace(ServiceAccount(**json.loads(record.value)), etag=record.etag)


def key_place(account: str, key_id: str) -> str:
    return f"{account}/{key_id}"


def key_bytes(key: AccountKey) -> bytes:
    return json.dumps(asdict(key) | {"origin": key.origin.value, "kind": key.kind.value}).encode()


def key_value(record: Record) -> AccountKey:
    fields = json.loads(record.value)
    return AccountKey(**fields | {"origin": KeyOrigin(fields["origin"]), "kind": KeyType(fields["kind"])})
