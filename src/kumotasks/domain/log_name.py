"""Names of logs and of what has logs: projects/P/logs/ID, where a slash in ID is written %2F.

Whether a log has entries is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from kumotasks.domain.errors import InvalidArgument

_OWNER = r"(?:projects|organizations|folders|billingAccounts)/[A-Za-z0-9:.\-_]{1,100}"
_LOG_NAME = re.compile(rf"({_OWNER})/logs/(.+)", re.DOTALL)
_LOG_ID = re.compile(r"[A-Za-z0-9/_.\-]+")
_LONGEST_ID = 511  # Cloud Logging: a log id is less than 512 characters long
# Views of a bucket show what the project has; there is but the one bucket here.
_SOURCE = re.compile(rf"({_OWNER})(?:/locations/[a-z0-9\-]{{1,63}}/buckets/_Default/views/(?:_Default|_AllLogs))?")
_ILLEGAL = "Log name contains illegal character. Allowed characters are alphanumerics and ./_-"


@dataclass(frozen=True, slots=True)
class LogName:
    """A log of a project, an organization, a folder or a billing account."""

    owner: str  # "projects/p"
    log: str  # its id, with slashes

    def __str__(self) -> str:
        return f"{self.owner}/logs/{quote(self.log, safe='')}"

    def of(self, owner: str) -> LogName:
        """The log of the same id that belongs to another."""
        return LogName(owner, self.log)


def parse_log_name(text: str) -> LogName:
    """The log that `text` names, its id percent-encoded or not; a slash in front is passed over, as Google does."""
    found = _LOG_NAME.fullmatch(text.removeprefix("/"))
    if found is None:
        raise InvalidArgument(
            f'Log name "{text[:200]}" is invalid. It must be formatted: "projects/<PROJECT_ID>/logs/<LOG_ID>".'
        )
    log = unquote(found[2])
    if _LOG_ID.fullmatch(log) is None:
        raise InvalidArgument(_ILLEGAL)
    if len(log) > _LONGEST_ID:
        raise InvalidArgument(f"Log name is too long: a log ID has at most {_LONGEST_ID} characters.")
    return LogName(found[1], log)


def parse_log_source(text: str) -> str:
    """Whose logs `text` names: `projects/p`, of a project as of a view of its bucket."""
    found = _SOURCE.fullmatch(text)
    if found is None:
        raise InvalidArgument(
            f'Resource name "{text[:200]}" is invalid. It must be formatted: "projects/<PROJECT_ID>" or '
            '"projects/<PROJECT_ID>/locations/<LOCATION_ID>/buckets/_Default/views/<VIEW_ID>".'
        )
    return found[1]
