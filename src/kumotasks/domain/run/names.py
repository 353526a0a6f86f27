"""Names of services and revisions: what may be written in them. Whether a resource exists is not known here.

projects/P/locations/L/services/S/revisions/R, where P may be a number: whoever knows projects makes an id of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from kumotasks.domain.errors import InvalidArgument, Violation
from kumotasks.domain.names import INVALID_RESOURCE
from kumotasks.domain.run.service import ServiceName

_SERVICE_PATH = r"projects/([A-Za-z0-9:.\-]{1,100})/locations/([a-z0-9\-]{1,63})/services/([a-z0-9\-]{1,63})"
_SERVICE_NAME = re.compile(_SERVICE_PATH)
_REVISION_NAME = re.compile(rf"{_SERVICE_PATH}/revisions/([a-z0-9\-]{{1,63}})")
_ID = re.compile(r"[a-z](?:[a-z0-9\-]*[a-z0-9])?")
MAX_SERVICE = 49  # Cloud Run: characters of a service's id
MAX_REVISION = 63
_ID_FIELD = "Violation in CreateServiceRequest.service_id"
ID_RULE = (
    "only lowercase, digits, and hyphens; must begin with letter, and cannot end with hyphen; "
    f"must be less than {MAX_SERVICE + 1} characters."
)


@dataclass(frozen=True, slots=True)
class RevisionName:
    """projects/P/locations/L/services/S/revisions/R"""

    service: ServiceName
    revision: str

    def __str__(self) -> str:
        return f"{self.service}/revisions/{self.revision}"


@lru_cache(maxsize=1024)
def parse_service(text: str) -> ServiceName:
    """A service that is referred to."""
    match = _SERVICE_NAME.fullmatch(text)
    if match is None:
        raise InvalidArgument(INVALID_RESOURCE)
    return ServiceName(match[1], match[2], match[3])


def parse_revision(text: str) -> RevisionName:
    """A revision that is referred to."""
    match = _REVISION_NAME.fullmatch(text)
    if match is None:
        raise InvalidArgument(INVALID_RESOURCE)
    return RevisionName(ServiceName(match[1], match[2], match[3]), match[4])


def parse_new_service_id(text: str) -> str:
    """`text`, if a new service may be called so."""
    if len(text) > MAX_SERVICE or _ID.fullmatch(text) is None:
        raise InvalidArgument(f"{_ID_FIELD}: {ID_RULE}", violations=(Violation(_ID_FIELD, ID_RULE),))
    return text


def check_revision_id(text: str, service: str) -> str:
    """`text`, if a revision of `service` may be called so by its owner."""
    rule = (
        "Resource name must use only lowercase letters, numbers and '-'. Must begin with a letter and cannot end with a"
    )
    if len(text) > MAX_REVISION or _ID.fullmatch(text) is None:
        raise _revision_refused(f"{rule} '-'. Maximum length is {MAX_REVISION} characters.")
    if not text.startswith(f"{service}-"):
        raise _revision_refused(f"Revision name must be prefixed by the name of the enclosing Service: '{service}-'.")
    return text


def _revision_refused(rule: str) -> InvalidArgument:
    return InvalidArgument(f"template.revision: {rule}", violations=(Violation("template.revision", rule),))
