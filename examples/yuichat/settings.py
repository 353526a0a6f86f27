"""What an operator may say of the application, by its environment. Knows nothing of the queue, which reads its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """`database` as SQLAlchemy writes one; `max_bytes` of an uploaded file; `delay` of its task in seconds."""

    database: str = "sqlite:///yuichat.db"
    max_bytes: int = 10 * MEBIBYTE
    questions: int = 5
    delay: int = 5
    deadline: int = 600  # seconds a generation may take; the guide's own, above Cloud Run's 300

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """DATABASE_URL, MAX_UPLOAD_BYTES, QUESTION_COUNT; raises ValueError for what is no positive number."""
        return cls(
            database=environ.get("DATABASE_URL") or cls().database,
            max_bytes=_count(environ, "MAX_UPLOAD_BYTES", cls().max_bytes),
            questions=_count(environ, "QUESTION_COUNT", cls().questions),
        )


def _count(environ: Mapping[str, str], name: str, default: int) -> int:
    said = environ.get(name) or str(default)
    if not said.isdecimal() or not int(said):
        raise ValueError(f"{name} must be a positive whole number, not {said!r}.")
    return int(said)
