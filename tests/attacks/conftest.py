"""One server for all these tests, with somebody who owns each of two projects, and a queue in both."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.attacks.realm import ALPHA, BETA, Person, Realm, realm_in

NewPerson = Callable[..., Person]


@pytest.fixture(scope="package")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    tls = ("--tls", "auto", "--tls-port", "0", "--proxy-port", "0")
    with realm_in(tmp_path_factory.mktemp("realm"), *tls, "--log", "debug") as realm:
        for project in (ALPHA, BETA):
            realm.queue(project, "work")
        yield realm


@pytest.fixture(scope="package")
def ann(realm: Realm) -> Person:
    """Owns project alpha."""
    return _owner_of(realm, ALPHA, "ann-of-alpha")


@pytest.fixture(scope="package")
def ben(realm: Realm) -> Person:
    """Owns project beta."""
    return _owner_of(realm, BETA, "ben-of-beta")


@pytest.fixture(scope="package")
def new_person(realm: Realm) -> NewPerson:
    """Makes accounts that nobody else in these tests uses."""
    numbers = itertools.count(1)
    return lambda project=ALPHA: realm.person(f"person-{next(numbers)}", project)


def _owner_of(realm: Realm, project: str, name: str) -> Person:
    person = realm.person(name, project)
    realm.grant(f"projects/{project}", "roles/owner", person.member)
    return person
