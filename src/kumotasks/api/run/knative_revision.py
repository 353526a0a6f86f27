"""A revision as Knative v1 writes it."""

from __future__ import annotations

from collections.abc import Sequence

from kumotasks.api.run.documents import Document, kept, merged, present
from kumotasks.api.run.knative_service import API_VERSION, CREATOR
from kumotasks.api.run.knative_status import condition_documents, instant
from kumotasks.api.run.knative_template import spec_document, template_annotations
from kumotasks.domain.run.revision import Revision


def revision_document(revision: Revision, number: str, *, active: bool) -> Document:
    """`number` is the project's; `active`: some of the service's traffic, or a tag, leads to it."""
    service, template = revision.service.service, revision.template
    own = {
        "apiVersion": API_VERSION,
        "kind": "Revision",
        "metadata": present(
            name=revision.id,
            namespace=number,
            selfLink=f"/apis/{API_VERSION}/namespaces/{number}/revisions/{revision.id}",
            uid=revision.uid,
            resourceVersion=f"{revision.uid}.{revision.generation}",
            generation=revision.generation,
            creationTimestamp=instant(revision.created),
            labels=revision.knative_labels,
            annotations={**template_annotations(template), **present(**{CREATOR: revision.creator})},
            ownerReferences=[{"apiVersion": API_VERSION, "kind": "Configuration", "name": service}],
        ),
        "spec": spec_document(template, service),
        "status": present(
            observedGeneration=revision.generation,
            serviceName=service,
            conditions=[*condition_documents(revision.conditions), _active(active)],
        ),
    }
    return merged(own, kept(template.rest))


def revision_list_document(revisions: Sequence[Document], token: str) -> Document:
    return {
        "apiVersion": API_VERSION,
        "kind": "RevisionList",
        "metadata": {"continue": token} if token else {},
        "items": list(revisions),
    }


def _active(active: bool) -> Document:
    """Without this one gcloud shows no revision as active. It has no part in whether a revision is ready."""
    said = {"status": "True"} if active else {"status": "False", "reason": "NoTraffic"}
    return {"type": "Active", "severity": "Info", **said}
