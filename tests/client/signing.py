"""ID tokens as an issuer makes them, good now, and the certificates by which they are checked."""

from __future__ import annotations

from collections.abc import Mapping

from kumotasks.domain.clock import SystemClock
from tests.auth.proving import ISSUER, jwt_of, pair

AUDIENCE = "https://worker.example"
EMAIL = "sender@p.iam.gserviceaccount.com"


def token(number: int = 1, **changes: object) -> str:
    """Signed with key `number`; a change to None leaves a claim out, `lasts` are seconds from now."""
    now = SystemClock().now() // 1_000_000
    lasts = changes.pop("lasts", 3600)
    assert isinstance(lasts, int)
    usual: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "1" * 21,
        "email": EMAIL,
        "email_verified": True,
        "iat": now + min(0, lasts - 60),
        "exp": now + lasts,
    }
    return jwt_of({name: value for name, value in (usual | changes).items() if value is not None}, pair(number))


class Publisher:
    """The issuer's list: `numbers` of the keys on it. Counts how often it is fetched; `broken` it does not answer."""

    def __init__(self, *numbers: int, age: float = 3600) -> None:
        self.numbers = numbers
        self.age = age
        self.fetches = 0
        self.broken: Exception | None = None

    def __call__(self, url: str) -> tuple[Mapping[str, str], float]:
        self.fetches += 1
        if self.broken is not None:
            raise self.broken
        return {pair(number).key_id: pair(number).certificate for number in self.numbers}, self.age
