"""The encryption key of a location: kept and shown."""

from __future__ import annotations

import pytest

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.names import LocationName
from kumotasks.service.encryption import CmekConfig, Encryption
from tests.factory import PARENT

NAME = f"{PARENT}/cmekConfig"
KEY = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
HERE = LocationName("p", "l")


async def test_without_a_key_there_is_none(encryption: Encryption) -> None:
    assert await encryption.get(NAME) == CmekConfig(HERE, "")


@pytest.mark.parametrize("paths", [(), ("kms_key",), ("*",), ("name", "kms_key")])
async def test_a_key_is_set_and_cleared(paths: tuple[str, ...], encryption: Encryption) -> None:
    assert await encryption.update(NAME, KEY, paths) == CmekConfig(HERE, KEY)
    assert await encryption.get(NAME) == CmekConfig(HERE, KEY)
    assert await encryption.get("projects/p/locations/m/cmekConfig") == CmekConfig(LocationName("p", "m"), "")
    await encryption.update(NAME, "", paths)
    assert await encryption.get(NAME) == CmekConfig(HERE, "")


async def test_a_mask_without_the_key_changes_nothing(encryption: Encryption) -> None:
    await encryption.update(NAME, KEY, ())
    assert await encryption.update(NAME, "", ("name",)) == CmekConfig(HERE, KEY)


async def test_what_is_no_key_no_path_or_no_name_is_refused(encryption: Encryption) -> None:
    with pytest.raises(InvalidArgument, match=r"CmekConfig\.kmsKey must be formatted"):
        await encryption.update(NAME, "key", ())
    with pytest.raises(InvalidArgument, match="'colour' is not a field of CmekConfig"):
        await encryption.update(NAME, KEY, ("colour",))
    with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
        await encryption.get(PARENT)
