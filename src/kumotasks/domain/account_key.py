"""Keys of service accounts: the public half, and what IAM says of it. The private half is never here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class KeyOrigin(Enum):
    """Where a key pair was made."""

    GOOGLE_PROVIDED = "GOOGLE_PROVIDED"
    USER_PROVIDED = "USER_PROVIDED"


class KeyType(Enum):
    """Who holds the private half."""

    USER_MANAGED = "USER_MANAGED"
    SYSTEM_MANAGED = "SYSTEM_MANAGED"


@dataclass(frozen=True, slots=True)
class AccountKey:
    """One key of one account. Instants in microseconds; `certificate` is a PEM X.509 certificate of the public half."""

    account: str  # unique id
    key_id: str  # 40 hex digits
    certificate: str
    valid_after: int
    valid_before: int
    origin: KeyOrigin = KeyOrigin.GOOGLE_PROVIDED
    kind: KeyType = KeyType.USER_MANAGED
    algorithm: str = "KEY_ALG_RSA_2048"
    disabled: bool = False

    def usable(self, now: int) -> bool:
        """Whether what it signed is to be believed at `now`."""
        return not self.disabled and self.valid_after <= now < self.valid_before
