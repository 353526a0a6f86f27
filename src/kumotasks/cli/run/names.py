"""Which service or revision a line is about."""

from __future__ import annotations

from kumotasks.cli.client import Failure
from kumotasks.cli.command import Flag, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.resource import last_id, named

SERVICE = "projects/*/locations/*/services/*"
REVISION = f"{SERVICE}/revisions/*"
REGION = Flag("region", "the region; run/region in the configuration, else the server's default location")
PLATFORM = Flag("platform", "", hidden=True)  # gcloud's scripts say `managed`
ONE_SERVICE = (Positional("SERVICE", "the service's id, its full name or its URL in the API"),)


def region(line: Line) -> str:
    """By flag or configuration, else what the server was started with, and then it is said."""
    found = line.text("region") or line.properties.get("run/region")
    if not found:
        found = line.client.page.location
        line.warn(f"No region is given: this is about the server's default, {found}. --region names another.")
    return found


def place(line: Line) -> str:
    """projects/P/locations/L."""
    return f"projects/{line.project}/locations/{region(line)}"


def service_name(line: Line, written: str) -> str:
    """A service's full name from an id, a name or a URL. Raises Failure for what no service can be called."""
    from kumotasks.domain.errors import InvalidArgument
    from kumotasks.domain.run.names import ID_RULE, parse_new_service_id

    found = named(written, SERVICE)
    ident = found["services"] if found else last_id(written, "service", SERVICE)
    try:
        parse_new_service_id(ident)
    except InvalidArgument:
        raise Failure(f"Invalid service name [{ident}]: {ID_RULE}") from None
    return "/".join(f"{kind}/{each}" for kind, each in found.items()) if found else f"{place(line)}/services/{ident}"


def revision_id(line: Line, written: str) -> tuple[str, str]:
    """Where a revision is (projects/P/locations/L), and its id; its service need not be said."""
    if found := named(written, REVISION):
        return f"projects/{found['projects']}/locations/{found['locations']}", found["revisions"]
    return place(line), last_id(written, "revision", REVISION)
