"""Services and revisions in the form of Knative, in which gcloud shows them: read, and told to people."""

from __future__ import annotations

import json
from collections.abc import Iterator

from kumotasks.cli.command import Json
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path
from kumotasks.cli.run.document import container, inner, items, number

LOCATION = "cloud.googleapis.com/location"
MODIFIER = "serving.knative.dev/lastModifier"
CREATOR = "serving.knative.dev/creator"
SERVICE_OF = "serving.knative.dev/service"
URLS = "run.googleapis.com/urls"
INGRESS = "run.googleapis.com/ingress"
_SIGNS = {"True": "✔", "False": "X"}
_SETTINGS = (
    ("Image", ("image",)),
    ("Command", ("command",)),
    ("Args", ("args",)),
    ("Memory", ("resources", "limits", "memory")),
    ("CPU", ("resources", "limits", "cpu")),
)


def service(line: Line, name: str) -> Json:
    return line.call("GET", path("v1", name))


def pages(line: Line, where: str, query: dict[str, str] | None = None) -> Iterator[Json]:
    """The items of a Knative list, page after page as they are asked for."""
    asked = dict(query or {})
    if size := line.number("page-size"):
        asked["limit"] = str(size)
    while True:
        answer = line.call("GET", where, query=asked)
        yield from items(answer, "items")
        token = str(inner(answer, "metadata").get("continue") or "")
        if not token or token == asked.get("continue"):
            return
        asked["continue"] = token


def condition(found: Json, kind: str = "Ready") -> Json:
    return next((each for each in items(inner(found, "status"), "conditions") if each.get("type") == kind), {})


def sign(item: object) -> object:
    """Whether it is ready: ✔, X, or … while it is not known."""
    return _SIGNS.get(str(condition(item).get("status")), "…") if isinstance(item, dict) else ""


def changed_at(item: object) -> object:
    return condition(item).get("lastTransitionTime", "") if isinstance(item, dict) else ""


def active(item: object) -> object:
    """Whether a revision takes requests."""
    return "yes" if isinstance(item, dict) and condition(item, "Active").get("status") == "True" else ""


def url(item: object) -> object:
    """The first of its addresses, as gcloud shows it."""
    if not isinstance(item, dict):
        return ""
    try:
        listed = json.loads(str(inner(item, "metadata", "annotations").get(URLS, "")))
    except ValueError:
        listed = []
    return listed[0] if isinstance(listed, list) and listed else inner(item, "status").get("url", "")


def routes(item: object) -> object:
    """URL and traffic, as update-traffic tells them."""
    return "\n".join(_routes(item)) if isinstance(item, dict) else ""


def described(item: object) -> object:
    """All that people want to know of a service."""
    if not isinstance(item, dict):
        return ""
    metadata = inner(item, "metadata")
    annotations, status = inner(metadata, "annotations"), inner(item, "status")
    region = inner(metadata, "labels").get(LOCATION, "")
    changed, by = changed_at(item), annotations.get(MODIFIER, "")
    lines = [
        f"{sign(item)} Service {metadata.get('name')} in region {region}",
        "",
        *_routes(item),
        "",
        f"Last updated on {changed}{f' by {by}' if by else ''}:",
        f"  Revision {status.get('latestCreatedRevisionName', '')}",
        *(f"  {each}" for each in settings(inner(item, "spec", "template"))),
    ]
    message = condition(item).get("message")
    return "\n".join([*lines, *([f"{sign(item)} {message}"] if message else [])])


def settings(template: Json) -> list[str]:
    """What a revision is made of."""
    spec = inner(template, "spec")
    held = container({"template": {"containers": items(spec, "containers")}})
    rows: list[tuple[str, object]] = [(label, _below(held, names)) for label, names in _SETTINGS]
    ports = items(held, "ports")
    rows.insert(3, ("Port", ports[0].get("containerPort") if ports else None))
    rows += [
        ("Service account", spec.get("serviceAccountName")),
        ("Concurrency", spec.get("containerConcurrency")),
        ("Timeout", f"{number(spec, 'timeoutSeconds')}s" if spec.get("timeoutSeconds") else None),
        ("Min instances", inner(template, "metadata", "annotations").get("autoscaling.knative.dev/minScale")),
        ("Max instances", inner(template, "metadata", "annotations").get("autoscaling.knative.dev/maxScale")),
    ]
    told = [f"{label + ':':<17}{_words(value)}" for label, value in rows if value not in (None, "", [])]
    env = [f"  {each.get('name')}={each.get('value', '')}" for each in items(held, "env")]
    return [*told, *(["Env vars:", *env] if env else [])]


def _routes(item: Json) -> list[str]:
    lines = [f"URL:     {url(item)}"]
    if ingress := inner(item, "metadata", "annotations").get(INGRESS):
        lines.append(f"Ingress: {ingress}")
    lines.append("Traffic:")
    status = inner(item, "status")
    for whose, targets in _by_revision(items(status, "traffic"), status.get("latestReadyRevisionName")).items():
        lines.append(f"  {sum(number(each, 'percent') for each in targets)}% {whose}")
        lines.extend(f"       {each['tag']}: {each.get('url', '')}" for each in targets if each.get("tag"))
    return lines


def _by_revision(targets: list[Json], latest: object) -> dict[str, list[Json]]:
    """A revision has its share and its addresses in several targets."""
    found: dict[str, list[Json]] = {}
    for each in targets:
        revision = str(each.get("revisionName", ""))
        whose = f"LATEST (currently {revision})" if each.get("latestRevision") and revision == latest else revision
        found.setdefault(whose, []).append(each)
    return found


def _below(found: Json, names: tuple[str, ...]) -> object:
    value: object = found
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
