"""What a call needs, read off its row: the permission of the row on the resource that its path names, and what the row
says the request needs beyond that. Pure; whether the caller holds it is the gate's to find out.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from kumotasks.api.call import JsonRoute, RawRoute, Route
from kumotasks.api.paths import compile_template
from kumotasks.domain.principal import Need

Needs = Callable[[Any], tuple[Need, ...]]


def nothing(_request: Any) -> tuple[Need, ...]:
    """What a call needs that anybody may make."""
    return ()


def needs_of(route: Route | RawRoute | JsonRoute) -> Needs:
    """From a request to its needs, in the order in which they are judged."""
    main = _main(route)
    more: Needs | None = route.needs
    if more is None:
        return main
    return lambda request: (*main(request), *more(request))


def _main(route: Route | RawRoute | JsonRoute) -> Needs:
    permission = route.permission
    if not permission:
        return nothing
    match route:
        case Route():
            return _of_message(permission, _path_field(route), route.resource)
        case RawRoute():
            field = _path_field(route)
            return lambda call: (Need(permission, call.variables[field]),)
        case JsonRoute():
            template = route.resource
            fields = [part.partition("}")[0] for part in template.split("{")[1:]]
            return lambda request: (Need(permission, template.format(**{f: getattr(request, f) for f in fields})),)


def _of_message(permission: str, field: str, template: str) -> Needs:
    resource = attrgetter(field)
    if not template:
        return lambda request: (Need(permission, resource(request)),)
    bare = template.partition("{")[0]
    return lambda request: (Need(permission, f"{bare}{resource(request).removeprefix(bare)}"),)


def _path_field(route: Route | RawRoute) -> str:
    """The field that names the resource: the first that the path has."""
    return compile_template(route.path).variables[0].field
