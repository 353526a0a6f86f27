"""What a call makes of a service."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest

from kumotasks.domain.clock import SECOND
from kumotasks.domain.run.change import ASKED, created, replaced, revision_id, revision_of
from kumotasks.domain.run.condition import State
from kumotasks.domain.run.revision import Launch
from kumotasks.domain.run.service import Ingress, Service, Target
from tests.domain.run.factory import a_new_service, a_service, a_template, carried_out
from tests.factory import NOW

LATER = NOW + 1


def changed(old: Service, asked: Service, *, trusted: bool = False) -> Service:
    return replaced(old, asked, now=LATER, by="eve@p", trusted=trusted)


def test_a_new_service_has_everything_before_it() -> None:
    asked = replace(a_service(), observed=9, latest_ready="x", generation=4, creator="me", ingress=Ingress.INTERNAL)
    service = created(asked, uid="u", now=NOW, by="bob@p", trusted=False)
    assert (service.generation, service.template_generation, service.observed, service.latest_ready) == (1, 1, 0, "")
    assert (service.creator, service.last_modifier, service.created, service.ingress) == (
        "bob@p",
        "bob@p",
        NOW,
        Ingress.INTERNAL,
    )
    assert [(each.kind, each.state) for each in service.conditions] == [
        ("Ready", State.PENDING),
        ("ConfigurationsReady", State.PENDING),
        ("RoutesReady", State.PENDING),
    ]
    assert not service.settled


def test_asking_for_what_is_there_changes_nothing() -> None:
    old = carried_out(a_new_service())
    assert changed(old, a_service()) is old


@pytest.mark.parametrize(
    "change",
    [
        {"traffic": (Target(100, "worker-1"),)},
        {"labels": (("a", "b"),)},
        {"annotations": (("a", "b"),)},
        {"description": "d"},
        {"client": "gcloud"},
        {"client_version": "528"},
        {"ingress": Ingress.INTERNAL},
        {"invoker_iam_disabled": True},
        {"default_uri_disabled": True},
        {"custom_audiences": ("a",)},
        {"min_instances": 1},
        {"max_instances": 1},
        {"deletion_protection": True},
        {"rest": b"{}"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_wish_is_another_generation_of_the_same_template(change: dict[str, object]) -> None:
    old = carried_out(a_new_service())
    new = changed(old, replace(a_service(), **change))  # type: ignore[arg-type]
    assert (new.generation, new.template_generation) == (2, 1)
    assert (new.last_modifier, new.updated, new.created, new.creator) == ("eve@p", LATER, NOW, "bob@p")
    assert not new.settled
    assert revision_id(new) == revision_id(old)


def test_every_wish_is_among_them() -> None:
    carried = {"name", "uid", "creator", "last_modifier", "created", "updated", "deleted", "etag", "trusted"}
    of_runtime = {
        "generation",
        "template_generation",
        "observed",
        "latest_created",
        "latest_ready",
        "conditions",
        "serving",
    }
    assert {each.name for each in fields(Service)} == set(ASKED) | carried | of_runtime


def test_another_template_is_another_revision() -> None:
    old = carried_out(replace(a_new_service(), latest_ready="worker-00001-abc"))
    new = changed(old, a_service(template=a_template(env=(("A", "1"),))))
    assert (new.generation, new.template_generation, new.latest_ready) == (2, 2, "worker-00001-abc")
    assert revision_id(new) != revision_id(old)


def test_trust_stays_with_the_template_it_was_given_for() -> None:
    trusted = a_new_service(trusted=True)
    assert changed(trusted, replace(a_service(), description="d")).trusted
    assert not changed(trusted, a_service(template=a_template("other"))).trusted


def test_trust_stays_while_what_is_run_is_the_same() -> None:
    ran = replace(a_template(), source="/srv/worker")
    old = created(a_service(template=ran), uid="u", now=NOW, by="bob@p", trusted=True)
    longer = replace(ran, timeout=600 * SECOND, containers=(replace(ran.serving, env=(("MODE", "fast"),)),))
    new = changed(old, a_service(template=longer))
    assert (new.trusted, new.template_generation) == (True, 2)
    for other in ({"source": "/etc"}, {"containers": (replace(ran.serving, env=(("LD_PRELOAD", "x"),)),)}):
        assert not changed(old, a_service(template=replace(ran, **other))).trusted  # type: ignore[arg-type]


def test_a_revision_says_who_deployed_it() -> None:
    service = changed(a_new_service(), a_service(template=a_template("other")))
    assert revision_of(service, uid="r", now=LATER, launch=None).creator == "eve@p"


def test_a_template_that_is_trusted_now_is_tried_again() -> None:
    old = carried_out(a_new_service(), State.FAILED)
    new = changed(old, a_service(), trusted=True)
    assert (new.trusted, new.template_generation) == (True, 2)


def test_a_revision_is_called_by_the_number_of_its_template() -> None:
    service = a_new_service()
    assert re.fullmatch(r"worker-00001-[a-z0-9]{3}", revision_id(service))
    assert revision_id(replace(service, generation=7)) == revision_id(service)
    assert revision_id(replace(service, uid="another"))[:13] == "worker-00001-"
    assert re.fullmatch(r"worker-00012-[a-z0-9]{3}", revision_id(replace(service, template_generation=12)))


def test_a_revision_has_the_name_that_its_owner_chose() -> None:
    assert revision_id(a_new_service(template=a_template(revision="worker-green"))) == "worker-green"


def test_a_revision_is_its_template_and_not_ready_yet() -> None:
    template = replace(a_template(), labels=(("tier", "front"),))
    service = a_new_service(template=template)
    launch = Launch(("python", "main.py"))
    revision = revision_of(service, uid="r", now=NOW, launch=launch)
    assert (revision.template, revision.launch, revision.labels) == (template, launch, (("tier", "front"),))
    assert revision.name == f"{service.name}/revisions/{revision_id(service)}"
    assert [(each.kind, each.state) for each in revision.conditions] == [("Ready", State.PENDING)]
    assert revision.knative_labels["serving.knative.dev/service"] == "worker"
    assert revision.knative_labels["tier"] == "front"
