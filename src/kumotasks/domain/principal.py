"""Who calls, as the rest of the house sees him, and what a call needs. How he proved it is `auth/`'s."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """A service account that proved who it is, or ANONYMOUS."""

    email: str
    unique_id: str  # 21 digits; stays with the account, where an e-mail may come to belong to another

    @property
    def member(self) -> str:
        """As policies name it."""
        return f"serviceAccount:{self.email}"

    def __bool__(self) -> bool:
        return bool(self.email)


ANONYMOUS = Principal("", "")


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a call needs on a resource, such as `cloudtasks.tasks.create` on
    `projects/P/locations/L/queues/Q`."""

    permission: str
    resource: str
    shown: str = ""  # how a denial calls the resource, where that is not its name

    @property
    def told(self) -> str:
        return self.shown or self.resource
