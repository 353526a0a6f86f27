"""Service accounts: what they are, how they are named, and which of them a project has from its first day."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from kumotasks.domain.errors import InvalidArgument

ACCOUNT_ID = re.compile(r"[a-z](?:[-a-z0-9]{4,28}[a-z0-9])")  # IAM: 6 to 30 characters
UNIQUE_ID = re.compile(r"\d{21}")
MAX_DISPLAY_NAME = 100  # IAM: bytes of UTF-8
MAX_DESCRIPTION = 256
_USER_SUFFIX = ".iam.gserviceaccount.com"
_COMPUTE_SUFFIX = "-compute@developer.gserviceaccount.com"
_APP_ENGINE_SUFFIX = "@appspot.gserviceaccount.com"
AGENT_SUFFIX = "@gcp-sa-cloudtasks.iam.gserviceaccount.com"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """One account. `created` and `deleted` in microseconds; `etag` is base64 text, "" while it was never stored."""

    project: str
    email: str
    unique_id: str
    display_name: str = ""
    description: str = ""
    disabled: bool = False
    created: int = 0
    deleted: int | None = None
    etag: str = ""

    @property
    def name(self) -> str:
        return f"projects/{self.project}/serviceAccounts/{self.email}"


def check_account_id(text: str) -> str:
    """`text`, if IAM would take it as the first part of an e-mail."""
    if ACCOUNT_ID.fullmatch(text) is None:
        raise InvalidArgument(
            "The account ID must be between 6 and 30 characters long, begin with a lower-case letter, "
            "and hold only lower-case letters, digits and hyphens."
        )
    return text


def account_email(account_id: str, project: str) -> str:
    """`ID@PROJECT.iam.gserviceaccount.com`; a project of a domain, `example.com:p`, becomes `p.example.com`."""
    domain, _, rest = project.rpartition(":")
    return f"{account_id}@{rest}{'.' + domain if domain else ''}{_USER_SUFFIX}"


def project_number(project: str) -> str:
    """The project's number: twelve digits that follow from its id; a number is its own."""
    if project.isdecimal():
        return project
    digest = hashlib.sha256(project.encode()).digest()
    return str(100_000_000_000 + int.from_bytes(digest[:8], "big") % 900_000_000_000)


def derived_unique_id(email: str) -> str:
    """The unique id of an account that nobody created: 21 digits that follow from its e-mail."""
    digest = hashlib.sha256(email.encode()).digest()
    return str(10**20 + int.from_bytes(digest[:16], "big") % (9 * 10**20))


def default_accounts(project: str) -> tuple[ServiceAccount, ...]:
    """The accounts that every project has: App Engine's, Compute Engine's, and the Cloud Tasks service agent."""
    number = project_number(project)
    described = (
        (f"{project}{_APP_ENGINE_SUFFIX}", "App Engine default service account"),
        (f"{number}{_COMPUTE_SUFFIX}", "Compute Engine default service account"),
        (f"service-{number}{AGENT_SUFFIX}", "Cloud Tasks Service Agent"),
    )
    return tuple(ServiceAccount(project, email, derived_unique_id(email), name) for email, name in described)
