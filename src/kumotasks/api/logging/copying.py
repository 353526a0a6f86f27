"""CopyLogEntries, which takes entries to a bucket of Cloud Storage: there is none here, so it is refused.

Over gRPC it is unknown, like all of its service.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from kumotasks.api.call import Caller, JsonRoute
from kumotasks.domain.errors import MethodUnknown

SERVICE = "google.logging.v2.ConfigServiceV2"


class CopyLogEntriesRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """As Google's, so that what is no request of this call is told apart from one that is refused."""

    name: str = ""
    filter: str = ""
    destination: str = ""


async def refuse(request: object, caller: Caller) -> NoReturn:
    raise MethodUnknown("Operation is not implemented, or supported, or enabled.")


COPY = JsonRoute(SERVICE, "CopyLogEntries", "POST", "/v2/entries:copy", CopyLogEntriesRequest, "", "", refuse)
