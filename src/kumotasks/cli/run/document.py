"""A service's JSON of v2, as a change goes through it. Pure."""

from __future__ import annotations

from kumotasks.cli.command import Json


def inner(document: Json, *names: str) -> Json:
    """The object below these names, made where there is none."""
    for name in names:
        found = document.get(name)
        if not isinstance(found, dict):
            found = document[name] = {}
        document = found
    return document


def items(document: Json, name: str) -> list[Json]:
    """The objects of a list; [] where there is none."""
    found = document.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def texts(document: Json, name: str) -> list[str]:
    found = document.get(name)
    return [str(each) for each in found] if isinstance(found, list) else []


def number(document: Json, name: str) -> int:
    """What JSON has as a number, or as a number's text; 0 where there is none."""
    found = document.get(name, 0)
    return int(found) if isinstance(found, int | str) and str(found).isdecimal() else 0


def template(service: Json) -> Json:
    return inner(service, "template")


def container(service: Json) -> Json:
    """The container that takes the requests."""
    found = items(template(service), "containers")
    if not found:
        found = [{}]
        template(service)["containers"] = found
    return next((each for each in found if each.get("ports")), found[0])
