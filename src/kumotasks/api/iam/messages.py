"""The messages of IAM as JSON carries them. Shapes only; what they mean is said by their use cases.

Names are lowerCamel on the wire; a field that has its default is left out of an answer. `project`, `account`, `key` and
`role` come from the path.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

import msgspec

from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.service.account_keys import ShownKey


class Asked(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What every request is: a field that it does not have is refused."""


class Shown(msgspec.Struct, rename="camel", omit_defaults=True):
    """What every answer is."""


class Nothing(Shown):
    """google.protobuf.Empty"""


class AccountMessage(Shown, forbid_unknown_fields=True):
    """A service account, in requests too: what only the server says of it is taken and not looked at."""

    name: str = ""
    project_id: str = ""
    unique_id: str = ""
    email: str = ""
    display_name: str = ""
    description: str = ""
    etag: str = ""
    oauth2_client_id: str = ""
    disabled: bool = False


class CreateAccount(Asked):
    project: str
    account_id: str = ""
    service_account: AccountMessage = msgspec.field(default_factory=AccountMessage)


class ListAccounts(Asked):
    project: str
    page_size: int = 0
    page_token: str = ""


class AccountList(Shown):
    accounts: list[AccountMessage] = []
    next_page_token: str = ""


class OneAccount(Asked):
    """A call on an account that says nothing more."""

    project: str
    account: str


class PatchAccount(Asked):
    project: str
    account: str
    service_account: AccountMessage = msgspec.field(default_factory=AccountMessage)
    update_mask: str = ""


class UpdateAccount(AccountMessage):
    """The account itself is the body."""

    project: str = ""
    account: str = ""


class Restored(Shown):
    restored_account: AccountMessage


class CreateKey(Asked):
    project: str
    account: str
    private_key_type: str = ""
    key_algorithm: str = ""


class UploadKey(Asked):
    project: str
    account: str
    public_key_data: str = ""


class ListKeys(Asked):
    project: str
    account: str
    key_types: list[str] = []


class OneKey(Asked):
    """A call on a key that says nothing more."""

    project: str
    account: str
    key: str


class GetKey(OneKey):
    public_key_type: str = ""


class DisableKey(OneKey):
    service_account_key_disable_reason: str = ""
    extended_status_message: str = ""


class KeyMessage(Shown):
    """A key; `private_key_data` is in the answer to its making only."""

    name: str = ""
    private_key_type: str = ""
    key_algorithm: str = ""
    private_key_data: bytes = b""
    public_key_data: bytes = b""
    valid_after_time: str = ""
    valid_before_time: str = ""
    key_origin: str = ""
    key_type: str = ""
    disabled: bool = False
    disable_reason: str = ""


class KeyList(Shown):
    keys: list[KeyMessage] = []


class GetRole(Asked):
    role: str


class ListRoles(Asked):
    page_size: int = 0
    page_token: str = ""
    view: str = ""
    parent: str = ""
    show_deleted: bool = False


class GrantableRoles(Asked):
    full_resource_name: str = ""
    page_size: int = 0
    page_token: str = ""
    view: str = ""


class RoleMessage(Shown):
    name: str = ""
    title: str = ""
    description: str = ""
    included_permissions: list[str] = []
    stage: str = ""
    etag: str = ""


class RoleList(Shown):
    roles: list[RoleMessage] = []
    next_page_token: str = ""


def account_message(account: ServiceAccount) -> AccountMessage:
    return AccountMessage(
        name=account.name,
        project_id=account.project,
        unique_id=account.unique_id,
        email=account.email,
        display_name=account.display_name,
        description=account.description,
        etag=account.etag,
        oauth2_client_id=account.unique_id,
        disabled=account.disabled,
    )


def key_message(shown: ShownKey) -> KeyMessage:
    key = shown.key
    return KeyMessage(
        name=shown.name,
        key_algorithm=key.algorithm,
        private_key_data=shown.private_file,
        public_key_data=shown.public_file,
        valid_after_time=timestamp(key.valid_after),
        valid_before_time=timestamp(key.valid_before),
        key_origin=key.origin.value,
        key_type=key.kind.value,
        disabled=key.disabled,
        disable_reason="SERVICE_ACCOUNT_KEY_DISABLE_REASON_USER_INITIATED" if key.disabled else "",
    )


def timestamp(instant: int) -> str:
    """RFC 3339 in whole seconds, as IAM dates its keys."""
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def decoded(text: str, field: str) -> bytes:
    """Bytes from base64 of either alphabet, padded or not. InvalidArgument."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidArgument(f"Invalid value at '{field}' (TYPE_BYTES), Base64 decoding failed.") from error
