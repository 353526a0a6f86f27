"""Services between google.cloud.run.v2's messages and values.

What only the server says of a service is not looked at in what a caller sends. What a service may be is the domain's.
"""

from __future__ import annotations

from typing import Any

from kumotasks.api.run import messages as m
from kumotasks.api.run.convert_condition import condition_message
from kumotasks.api.run.convert_template import pairs, template_message, template_value
from kumotasks.api.run.unacted import Unacted
from kumotasks.api.tasks.times import set_instant
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.run.address import urls
from kumotasks.domain.run.service import EVERYTHING_TO_LATEST, Ingress, Service, ServiceName, Target

_GA = m.GA
_ASKED = (
    *("description", "labels", "annotations", "client", "client_version", "ingress", "template", "traffic"),
    *("custom_audiences", "invoker_iam_disabled", "default_uri_disabled"),
)
_SAID = (
    *("name", "uid", "generation", "create_time", "update_time", "delete_time", "expire_time", "creator"),
    *("last_modifier", "urls", "observed_generation", "terminal_condition", "conditions", "latest_ready_revision"),
    *("latest_created_revision", "traffic_statuses", "uri", "satisfies_pzs", "reconciling", "etag"),
)
_REST = Unacted(m.Service, (*_ASKED, *_SAID))
_LATEST = m.number_of("TrafficTargetAllocationType", "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST")
_REVISION = m.number_of("TrafficTargetAllocationType", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION")
_INGRESS = {m.number_of("IngressTraffic", each.value): each for each in Ingress}
_INGRESS_NUMBERS = {each: number for number, each in _INGRESS.items()}


def service_value(message: Any, name: ServiceName) -> Service:
    """What a caller asks for, under the name that its request says. InvalidArgument."""
    return Service(
        name=name,
        uid="",
        template=template_value(message.template),
        traffic=tuple(_target(each) for each in message.traffic) or EVERYTHING_TO_LATEST,
        labels=pairs(message.labels),
        annotations=pairs(message.annotations),
        description=message.description,
        client=message.client,
        client_version=message.client_version,
        ingress=_ingress(message.ingress),
        invoker_iam_disabled=message.invoker_iam_disabled,
        default_uri_disabled=message.default_uri_disabled,
        custom_audiences=tuple(message.custom_audiences),
        min_instances=message.scaling.min_instance_count,
        max_instances=message.scaling.max_instance_count,
        rest=_REST.of(_without_what_is_known(message)),
    )


def service_message(service: Service, number: str) -> Any:
    """`number` is the project's."""
    name = str(service.name)
    message = m.Service(
        name=name,
        uid=service.uid,
        generation=service.generation,
        creator=service.creator,
        last_modifier=service.last_modifier,
        observed_generation=service.observed,
        latest_ready_revision=_revision(name, service.latest_ready),
        latest_created_revision=_revision(name, service.latest_created),
        conditions=[condition_message(each) for each in service.conditions[1:]],
        reconciling=not service.settled,
        etag=service.etag,
    )
    if service.conditions:
        message.terminal_condition.CopyFrom(condition_message(service.ready))
    _set_asked(message, service)
    _set_instants(message, service)
    _set_addresses(message, service, number)
    return message


def _set_asked(message: Any, service: Service) -> None:
    """What the caller has asked for, and what he would have got without asking."""
    _REST.put(service.rest, message)
    message.launch_stage = message.launch_stage or _GA
    message.description = service.description
    message.labels.update(service.labels)
    message.annotations.update(service.annotations)
    message.client, message.client_version = service.client, service.client_version
    message.ingress = _INGRESS_NUMBERS[service.ingress]
    message.template.CopyFrom(template_message(service.template))
    for target in service.traffic:
        message.traffic.add(
            type=_REVISION if target.revision else _LATEST,
            revision=target.revision,
            percent=target.percent,
            tag=target.tag,
        )
    message.custom_audiences.extend(service.custom_audiences)
    message.invoker_iam_disabled = service.invoker_iam_disabled
    message.default_uri_disabled = service.default_uri_disabled
    if service.min_instances or service.max_instances:
        message.scaling.min_instance_count = service.min_instances
        message.scaling.max_instance_count = service.max_instances


def _set_instants(message: Any, service: Service) -> None:
    set_instant(message.create_time, service.created)
    set_instant(message.update_time, service.updated)
    if service.deleted is not None:
        set_instant(message.delete_time, service.deleted)


def _set_addresses(message: Any, service: Service, number: str) -> None:
    if not service.default_uri_disabled:
        own = urls(service.name, number)
        message.urls.extend(own)
        message.uri = own[0]
    followers = {(each.percent, each.tag) for each in service.traffic if not each.revision}
    for target in service.serving:
        follows = target.revision == service.latest_ready and (target.percent, target.tag) in followers
        message.traffic_statuses.add(
            type=_LATEST if follows else _REVISION,
            revision=target.revision,
            percent=target.percent,
            tag=target.tag,
            uri=urls(service.name, number, target.tag)[0] if target.tag else "",
        )


def _revision(service: str, ident: str) -> str:
    return f"{service}/revisions/{ident}" if ident else ""


def _target(message: Any) -> Target:
    """A revision may be given by its id or by its full name."""
    if message.type == _LATEST and message.revision:
        raise InvalidArgument("traffic.revision: must be empty where the type is the latest revision.")
    if message.type == _REVISION and not message.revision:
        raise InvalidArgument("traffic.revision: must name a revision.")
    return Target(message.percent, message.revision.rpartition("/")[2], message.tag)


def _ingress(number: int) -> Ingress:
    if not number:
        return Ingress.ALL
    found = _INGRESS.get(number)
    if found is None:
        raise InvalidArgument("ingress: must be INGRESS_TRAFFIC_ALL, _INTERNAL_ONLY or _INTERNAL_LOAD_BALANCER.")
    return found


def _without_what_is_known(message: Any) -> Any:
    """The service without what stands in fields of its own, and without what every service is told to be."""
    copy = m.Service()
    copy.CopyFrom(message)
    if copy.launch_stage == _GA:
        copy.ClearField("launch_stage")
    copy.scaling.ClearField("min_instance_count")
    copy.scaling.ClearField("max_instance_count")
    if not copy.scaling.ListFields():
        copy.ClearField("scaling")
    return copy
