"""A private worker that was deployed on one node is served, changed and removed on the other as well."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from kumotasks.domain.account import project_number
from tests.end_to_end.deploying import kumo_run
from tests.nodes.pair import Pair, pair, within_a_second
from tests.running import KumoProcess
from tests.workers.living import PROGRAM

PLACE = "projects/kumo-local/locations/us-central1"
HOST = f"worker-{project_number('kumo-local')}.us-central1.run.localhost"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("workers")) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("source")
    (folder / "Procfile").write_text(f"web: {sys.executable} {PROGRAM}\n")
    return str(folder)


def greeting(kumo: KumoProcess) -> str | None:
    """What the worker's environment says, asked by way of a node; None if it leads there no more."""
    asked = urllib.request.Request(f"http://{kumo.address}/who", headers={"Host": HOST})
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return str(json.loads(answer.read())["env"]["GREETING"])
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 404:
            return None
        raise


def deploy(kumo: KumoProcess, source: str, word: str) -> None:
    said = kumo_run(
        kumo,
        PLACE,
        "deploy",
        "worker",
        f"--source={source}",
        "--allow-unauthenticated",
        f"--set-env-vars=GREETING={word}",
    )
    assert "is serving 100 percent of traffic" in said


def test_each_node_serves_what_any_was_told(nodes: Pair, source: str) -> None:
    deploy(nodes.one, source, "hello")
    assert greeting(nodes.one) == "hello"
    within_a_second(lambda: greeting(nodes.other) == "hello")
    deploy(nodes.other, source, "good evening")
    assert greeting(nodes.other) == "good evening"
    within_a_second(lambda: greeting(nodes.one) == "good evening")
    revisions = kumo_run(
        nodes.one, PLACE, "revisions", "list", "--service=worker", "--format=value(metadata.name)"
    ).split()
    assert len(revisions) == 2
    kumo_run(nodes.one, PLACE, "services", "delete", "worker", "--quiet")
    within_a_second(lambda: greeting(nodes.other) is None)
