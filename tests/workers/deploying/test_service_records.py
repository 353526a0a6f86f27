"""Services and revisions as bytes."""

from __future__ import annotations

import json
from dataclasses import replace

from kumotasks.domain.run.change import revision_of
from kumotasks.domain.run.condition import Condition, State
from kumotasks.domain.run.revision import Launch
from kumotasks.domain.run.service import Ingress, Target
from kumotasks.domain.run.template import Container, Probe, ProbeKind, Template
from kumotasks.storage.records import Record
from kumotasks.workers.deploying.service_records import revision_bytes, revision_value, service_bytes, service_value
from tests.domain.run.factory import a_new_service
from tests.factory import NOW

CONTAINER = Container(
    "image",
    "name",
    ("python", "main.py"),
    ("--fast",),
    (("A", "1"), ("B", "ü")),
    ("B", "A"),
    port=9000,
    liveness_probe=Probe(ProbeKind.HTTP, headers=(("X", "y"),)),
    rest=b'{"volumeMounts":[]}\xff',
)
TEMPLATE = Template((CONTAINER,), "worker-green", (("a", "b"),), timeout=7, source="/srv", rest=b"\0")
SERVICE = replace(
    a_new_service(template=TEMPLATE, trusted=True),
    ingress=Ingress.INTERNAL,
    custom_audiences=("a", "b"),
    deleted=NOW,
    serving=(Target(100, "worker-green", "tag"),),
    conditions=(Condition("Ready", State.FAILED, NOW, "CONTAINER_MISSING", "no"),),
)


def record(value: bytes) -> Record:
    return Record("kind", "key", value, "etag", NOW)


def test_a_service_comes_back_as_it_was_with_the_etag_of_its_record() -> None:
    assert service_value(record(service_bytes(replace(SERVICE, etag="old")))) == replace(SERVICE, etag="etag")


def test_a_revision_comes_back_with_its_launch_or_without_one() -> None:
    for launch in (None, Launch(("a", "b"), "/srv", (("A", "1"),))):
        revision = revision_of(SERVICE, uid="r", now=NOW, launch=launch)
        assert revision_value(record(revision_bytes(revision))) == replace(revision, etag="etag")


def test_what_a_newer_program_wrote_is_passed_over_and_what_an_older_did_not_has_its_default() -> None:
    written = json.loads(service_bytes(SERVICE))
    written["colour"] = {"red": 1}
    written["template"]["containers"][0]["gpu"] = "many"
    del written["template"]["concurrency"]
    del written["trusted"]
    found = service_value(record(json.dumps(written).encode()))
    assert found == replace(SERVICE, trusted=False, etag="etag")
