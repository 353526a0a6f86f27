"""A service as Knative v1 writes it, and as gcloud reads and sends it.

Whoever sends back what he read changes nothing. Who may do so is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from kumotasks.api.run.documents import Document, Reader, keeping, kept, merged, present, refused
from kumotasks.api.run.knative_status import condition_documents, instant, target_documents
from kumotasks.api.run.knative_template import (
    LOCATION,
    METADATA_UNUSED,
    NOTHING,
    RUN,
    Annotations,
    labels_of,
    template_document,
    template_of,
)
from kumotasks.domain.run.address import urls
from kumotasks.domain.run.service import EVERYTHING_TO_LATEST, Ingress, Service, ServiceName, Target

API_VERSION = "serving.knative.dev/v1"
KIND = "Service"
_CLIENT, _CLIENT_VERSION = f"{RUN}client-name", f"{RUN}client-version"
_INGRESS, _INGRESS_STATUS = f"{RUN}ingress", f"{RUN}ingress-status"
_IAM_DISABLED, _URL_DISABLED = f"{RUN}invoker-iam-disabled", f"{RUN}default-url-disabled"
_AUDIENCES, _DESCRIPTION, _URLS = f"{RUN}custom-audiences", f"{RUN}description", f"{RUN}urls"
_MIN, _MAX = f"{RUN}minScale", f"{RUN}maxScale"
CREATOR, _MODIFIER = "serving.knative.dev/creator", "serving.knative.dev/lastModifier"
# What only the server says; a caller that sends it back is not asked.
_OURS = (_INGRESS_STATUS, _URLS, CREATOR, _MODIFIER, f"{RUN}operation-id")
_INGRESSES = {
    "all": Ingress.ALL,
    "internal": Ingress.INTERNAL,
    "internal-and-cloud-load-balancing": Ingress.INTERNAL_LOAD_BALANCER,
}
_INGRESS_NAMES = {ingress: name for name, ingress in _INGRESSES.items()}


def new_service(name: ServiceName) -> Service:
    """Nothing yet, to be filled from a document."""
    return Service(name, "", NOTHING)


def service_of(body: Document, old: Service) -> Service:
    """`old` as the document asks for it; what it has no name for stays. Raises InvalidArgument."""
    document = Reader(body, "")
    check_kind(document, KIND)
    metadata, spec = document.inner("metadata"), document.inner("spec")
    document.left({"status"})
    metadata.text("name"), metadata.text("namespace")  # judged by who asked for them
    asked = _with_annotations(old, Annotations(metadata))
    asked = replace(
        asked,
        labels=labels_of(metadata),
        template=template_of(spec.inner("template"), old.template, old.name.service),
        traffic=tuple(_target_of(each) for each in spec.items("traffic")) or EVERYTHING_TO_LATEST,
    )
    metadata.left(METADATA_UNUSED)
    spec.left()
    return asked


def name_of(body: Document) -> tuple[str, str, str]:
    """The name, the namespace and the version that a document gives itself, "" for each that it does not."""
    metadata = Reader(body, "").inner("metadata")
    return metadata.text("name"), metadata.text("namespace"), metadata.text("resourceVersion")


def check_kind(document: Reader, kind: str) -> None:
    for field, wanted in (("apiVersion", API_VERSION), ("kind", kind)):
        if document.text(field, wanted) != wanted:
            raise refused(field, f"must be {wanted}.")


def version_of(service: Service) -> str:
    """What a change must have been made of: what was asked for, whatever came of it since."""
    return f"{service.uid}.{service.generation}"


def service_document(service: Service, number: str) -> Document:
    """`number` is the project's."""
    own = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": present(
            name=service.name.service,
            namespace=number,
            selfLink=f"/apis/{API_VERSION}/namespaces/{number}/services/{service.name.service}",
            uid=service.uid,
            resourceVersion=version_of(service),
            generation=service.generation,
            creationTimestamp=instant(service.created),
            deletionTimestamp=None if service.deleted is None else instant(service.deleted),
            labels={**dict(service.labels), LOCATION: service.name.location},
            annotations=_annotations(service, number),
        ),
        "spec": {
            "template": template_document(service.template, service.name.service),
            "traffic": [_target_document(each) for each in service.traffic],
        },
        "status": _status(service, number),
    }
    return merged(own, kept(service.rest))


def list_document(services: Sequence[Document], token: str) -> Document:
    return {
        "apiVersion": API_VERSION,
        "kind": f"{KIND}List",
        "metadata": {"continue": token} if token else {},
        "items": list(services),
    }


def _with_annotations(old: Service, asked: Annotations) -> Service:
    for ours in _OURS:
        asked.text(ours)
    ingress = asked.text(_INGRESS, "all")
    if ingress not in _INGRESSES:
        raise refused(asked.at(_INGRESS), f"must be one of {', '.join(_INGRESSES)}.")
    service = replace(
        old,
        client=asked.text(_CLIENT),
        client_version=asked.text(_CLIENT_VERSION),
        description=asked.text(_DESCRIPTION),
        ingress=_INGRESSES[ingress],
        invoker_iam_disabled=asked.flag(_IAM_DISABLED, default=False),
        default_uri_disabled=asked.flag(_URL_DISABLED, default=False),
        custom_audiences=_audiences(asked),
        min_instances=asked.number(_MIN, 0),
        max_instances=asked.number(_MAX, 0),
        annotations=asked.own(),
    )
    left = asked.left()
    return replace(service, rest=keeping(old.rest, {"metadata": {"annotations": left}} if left else {}))


def _audiences(asked: Annotations) -> tuple[str, ...]:
    text = asked.text(_AUDIENCES)
    try:
        return msgspec.json.decode(text, type=tuple[str, ...]) if text else ()
    except msgspec.DecodeError:
        raise refused(asked.at(_AUDIENCES), "must be a JSON array of strings.") from None


def _target_of(reader: Reader) -> Target:
    revision, latest = reader.text("revisionName"), reader.flag("latestRevision")
    target = Target(reader.integer("percent"), revision, reader.text("tag"))
    if bool(revision) == latest:
        raise refused(reader.path, "exactly one of revisionName and latestRevision must be set.")
    reader.left({"url"})
    return target


def _target_document(target: Target) -> Document:
    which = {"revisionName": target.revision} if target.revision else {"latestRevision": True}
    return present(percent=target.percent, tag=target.tag) | which


def _annotations(service: Service, number: str) -> dict[str, str]:
    ingress = _INGRESS_NAMES[service.ingress]
    shown = {
        _CLIENT: service.client,
        _CLIENT_VERSION: service.client_version,
        _DESCRIPTION: service.description,
        _INGRESS: ingress,
        _INGRESS_STATUS: ingress,
        _IAM_DISABLED: "true" if service.invoker_iam_disabled else "",
        _URL_DISABLED: "true" if service.default_uri_disabled else "",
        _AUDIENCES: _listed(service.custom_audiences),
        _MIN: str(service.min_instances or ""),
        _MAX: str(service.max_instances or ""),
        CREATOR: service.creator,
        _MODIFIER: service.last_modifier,
        _URLS: "" if service.default_uri_disabled else _listed(urls(service.name, number)),
    }
    return {**dict(service.annotations), **{name: value for name, value in shown.items() if value}}


def _listed(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode() if values else ""


def _status(service: Service, number: str) -> Document:
    url = "" if service.default_uri_disabled else urls(service.name, number)[1]
    return present(
        observedGeneration=service.observed,
        conditions=condition_documents(service.conditions),
        latestCreatedRevisionName=service.latest_created,
        latestReadyRevisionName=service.latest_ready,
        traffic=target_documents(service, number),
        url=url,
        address={"url": url} if url else None,
    )
