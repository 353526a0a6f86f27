"""A template, or what became of it in a revision, as Knative v1 writes it: half of it in annotations."""

from __future__ import annotations

from dataclasses import replace

from kumotasks.api.run.documents import Document, Reader, keeping, kept, merged, present, refused, truth, whole
from kumotasks.api.run.knative_container import container_documents, containers_of
from kumotasks.domain.clock import SECOND
from kumotasks.domain.run.template import DEFAULT_CONCURRENCY, DEFAULT_MAX_INSTANCES, DEFAULT_TIMEOUT, Template

RUN = "run.googleapis.com/"
LOCATION = "cloud.googleapis.com/location"
# Annotations below these names are Google's; those that nothing acts on are kept apart from the caller's own.
_SYSTEM = (RUN, "serving.knative.dev/", "autoscaling.knative.dev/", "client.knative.dev/", "cloud.googleapis.com/")
_MIN, _MAX = "autoscaling.knative.dev/minScale", "autoscaling.knative.dev/maxScale"
_BOOST, _THROTTLING = f"{RUN}startup-cpu-boost", f"{RUN}cpu-throttling"
_UNUSED = frozenset({
    "enableServiceLinks", "imagePullSecrets", "nodeSelector", "runtimeClassName", "volumes",
})  # fmt: skip
METADATA_UNUSED = frozenset({
    "clusterName", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
    "generation", "ownerReferences", "resourceVersion", "selfLink", "uid",
})  # fmt: skip
NOTHING = Template(())


def template_of(reader: Reader, old: Template, service: str) -> Template:
    """`old` gives what another API said and this one has no name for."""
    metadata, spec = reader.inner("metadata"), reader.inner("spec")
    reader.left()
    asked = Annotations(metadata)
    containers = containers_of(spec.items("containers"), old.containers, service)
    if not containers:
        raise refused(spec.at("containers"), "must have at least one container.")
    boost, idle = asked.flag(_BOOST, default=False), asked.flag(_THROTTLING, default=True)
    same_image = bool(old.containers) and containers[0].image == old.serving.image
    template = replace(
        old,
        containers=tuple(replace(each, startup_cpu_boost=boost, cpu_idle=idle) for each in containers),
        revision=metadata.text("name"),
        labels=labels_of(metadata),
        service_account=spec.text("serviceAccountName"),
        timeout=spec.integer("timeoutSeconds") * SECOND or DEFAULT_TIMEOUT,
        concurrency=spec.integer("containerConcurrency") or DEFAULT_CONCURRENCY,
        min_instances=asked.number(_MIN, 0),
        max_instances=asked.number(_MAX, DEFAULT_MAX_INSTANCES),
        annotations=asked.own(),
        source=old.source if same_image else "",
    )
    metadata.left({*METADATA_UNUSED, "namespace"})
    left = present(metadata=present(annotations=asked.left()), spec=spec.left(_UNUSED))
    return replace(template, rest=keeping(old.rest, left))


def template_document(template: Template, service: str) -> Document:
    return merged(
        {
            "metadata": present(
                name=template.revision,
                labels=dict(template.labels),
                annotations=template_annotations(template),
            ),
            "spec": spec_document(template, service),
        },
        kept(template.rest),
    )


def template_annotations(template: Template) -> dict[str, str]:
    serving = template.serving
    shown = {_MAX: str(template.max_instances or DEFAULT_MAX_INSTANCES)}
    if template.min_instances:
        shown[_MIN] = str(template.min_instances)
    if serving.startup_cpu_boost:
        shown[_BOOST] = "true"
    if not serving.cpu_idle:
        shown[_THROTTLING] = "false"
    return {**dict(template.annotations), **shown}


def spec_document(template: Template, service: str) -> Document:
    return present(
        containerConcurrency=template.concurrency,
        timeoutSeconds=template.timeout // SECOND,
        serviceAccountName=template.service_account,
        containers=container_documents(template.containers, service),
    )


def labels_of(metadata: Reader) -> tuple[tuple[str, str], ...]:
    """The caller's; where a thing is, is not his to say."""
    return tuple(sorted((name, value) for name, value in metadata.pairs("labels").items() if name != LOCATION))


class Annotations:
    """Those of one object, each taken once by who understands it."""

    def __init__(self, metadata: Reader) -> None:
        self._path = metadata.at("annotations")
        self._found = metadata.pairs("annotations")

    def at(self, name: str) -> str:
        return f"{self._path}[{name}]"

    def text(self, name: str, default: str = "") -> str:
        return self._found.pop(name, default)

    def flag(self, name: str, *, default: bool) -> bool:
        found = self._found.pop(name, "")
        return truth(found, self.at(name)) if found else default

    def number(self, name: str, default: int) -> int:
        found = self._found.pop(name, "")
        return whole(found, self.at(name)) if found else default

    def own(self) -> tuple[tuple[str, str], ...]:
        """The caller's own."""
        return tuple(sorted((name, self._found[name]) for name in self._found if not name.startswith(_SYSTEM)))

    def left(self) -> dict[str, str]:
        """Google's that nobody took."""
        return {name: value for name, value in sorted(self._found.items()) if name.startswith(_SYSTEM)}
