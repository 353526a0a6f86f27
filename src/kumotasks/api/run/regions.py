"""Where a call of Knative v1 is meant for: its paths name a project, and the host it was sent to names the region.

`asia-northeast1-run.googleapis.com`: gcloud puts the region in front of whatever host it is told to use, so what
follows it may be any name. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from kumotasks.api.call import RawCall
from kumotasks.domain.principal import Need

_GLUED = re.compile(r"([a-z]+-[a-z]+\d+)-.+")
_REGIONAL = re.compile(r"run\.([a-z]+-[a-z]+\d+)\.rep\..+")


def region_of(headers: Iterable[tuple[str, str]]) -> str:
    """The region that the Host header names; "" if it names none."""
    for name, value in headers:
        if name == "host":
            host = value.lower()
            found = _GLUED.fullmatch(host) or _REGIONAL.fullmatch(host)
            return found[1] if found else ""
    return ""


class Places:
    """Names of what a call is about. `home` is the location of a call that names none."""

    def __init__(self, home: str) -> None:
        self._home = home

    def project(self, call: RawCall) -> str:
        return f"projects/{call.variables['project']}"

    def location(self, call: RawCall) -> str:
        location = call.variables.get("location") or region_of(call.headers) or self._home
        return f"{self.project(call)}/locations/{location}"

    def service(self, call: RawCall) -> str:
        return f"{self.location(call)}/services/{call.variables['service']}"


def needing(permission: str, where: Callable[[RawCall], str]) -> Callable[[RawCall], tuple[Need, ...]]:
    """What a call needs that wants one permission on the place it is about."""
    return lambda call: (Need(permission, where(call)),)
