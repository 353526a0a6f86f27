"""The calls on the keys of service accounts: struct in, use case, struct out."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from kumotasks.api.call import Caller
from kumotasks.api.iam import messages as m
from kumotasks.domain.account_key import KeyType
from kumotasks.domain.errors import InvalidArgument
from kumotasks.service.account_keys import AccountKeys, PrivateForm, PublicForm

Word = TypeVar("Word", bound=Enum)
_ALGORITHMS = {"", "KEY_ALG_UNSPECIFIED", "KEY_ALG_RSA_2048"}
_UNSPECIFIED = {"", "TYPE_UNSPECIFIED", "KEY_TYPE_UNSPECIFIED"}


class KeyCalls:
    def __init__(self, keys: AccountKeys) -> None:
        self._keys = keys

    async def create(self, request: m.CreateKey, caller: Caller) -> m.KeyMessage:
        form = _word(PrivateForm, request.private_key_type, "private_key_type") or PrivateForm.CREDENTIALS
        if request.key_algorithm not in _ALGORITHMS:
            raise InvalidArgument("Keys are made with KEY_ALG_RSA_2048 only.")
        message = m.key_message(await self._keys.create(request.project, request.account, form))
        message.private_key_type = form.value
        return message

    async def upload(self, request: m.UploadKey, caller: Caller) -> m.KeyMessage:
        public_file = m.decoded(request.public_key_data, "public_key_data")
        return m.key_message(await self._keys.upload(request.project, request.account, public_file))

    async def list(self, request: m.ListKeys, caller: Caller) -> m.KeyList:
        kinds = {_word(KeyType, text, "key_types") for text in request.key_types} - {None}
        shown = await self._keys.list(request.project, request.account, {kind for kind in kinds if kind is not None})
        return m.KeyList([m.key_message(each) for each in shown])

    async def get(self, request: m.GetKey, caller: Caller) -> m.KeyMessage:
        form = _word(PublicForm, request.public_key_type, "public_key_type") or PublicForm.NONE
        return m.key_message(await self._keys.get(request.project, request.account, request.key, form=form))

    async def disable(self, request: m.DisableKey, caller: Caller) -> m.Nothing:
        await self._keys.switch(request.project, request.account, request.key, disabled=True)
        return m.Nothing()

    async def enable(self, request: m.OneKey, caller: Caller) -> m.Nothing:
        await self._keys.switch(request.project, request.account, request.key, disabled=False)
        return m.Nothing()

    async def delete(self, request: m.OneKey, caller: Caller) -> m.Nothing:
        await self._keys.delete(request.project, request.account, request.key)
        return m.Nothing()


def _word(words: type[Word], text: str, field: str) -> Word | None:
    """The member that a field names; None where it leaves the choice to us."""
    if text in _UNSPECIFIED:
        return None
    try:
        return words(text)
    except ValueError as error:
        raise InvalidArgument(f"Invalid value at '{field}' (TYPE_ENUM), \"{text[:100]}\"") from error
