"""The customer-managed encryption key of a location: kept and shown. What is on disk is the operator's to encrypt."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.names import LocationName, parse_cmek_config
from kumotasks.storage.records import Records

KIND = "cmek"
_KEY = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")


@dataclass(frozen=True, slots=True)
class CmekConfig:
    """`kms_key` "" means Google's own key."""

    location: LocationName
    kms_key: str


class Encryption:
    """CmekConfig, one per project and location."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    async def get(self, name: str) -> CmekConfig:
        location = parse_cmek_config(name)
        record = await self._records.get_record(KIND, str(location))
        return CmekConfig(location, record.value.decode() if record else "")

    async def update(self, name: str, kms_key: str, paths: tuple[str, ...]) -> CmekConfig:
        """Set the key, or clear it by ""; a mask may name `kms_key` only."""
        location = parse_cmek_config(name)
        for path in paths:
            if path not in ("kms_key", "name", "*"):
                raise InvalidArgument(f"Invalid field mask: '{path}' is not a field of CmekConfig that can be updated.")
        if paths and not {"kms_key", "*"} & set(paths):
            return await self.get(name)
        if kms_key and _KEY.fullmatch(kms_key) is None:
            raise InvalidArgument(
                "CmekConfig.kmsKey must be formatted: "
                '"projects/<PROJECT_ID>/locations/<LOCATION_ID>/keyRings/<KEY_RING>/cryptoKeys/<KEY>".'
            )
        await self._records.put_record(KIND, str(location), kms_key.encode(), now=self._clock.now(), if_etag=None)
        return CmekConfig(location, kms_key)
