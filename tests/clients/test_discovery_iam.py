"""IAM through google-api-python-client, built from the discovery document that comes bundled with it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificate
from google.auth import crypt
from google.oauth2.service_account import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from httplib2 import Http

from kumotasks.auth.self_signed import self_signed
from kumotasks.domain.clock import DAY, SECOND
from tests.auth import quick_keys
from tests.clients.conftest import PROJECTS
from tests.clients.test_discovery import methods_in
from tests.running import KumoProcess

ACCOUNTS = "projects.serviceAccounts"
# What the document says of service accounts and of Google's roles; signing moved to iamcredentials, and the rest is
# about custom roles, workforces and the lint of conditions.
OURS = re.compile(r"projects\.serviceAccounts\.(?!signBlob|signJwt)|roles\.")


class Driver:
    """Calls methods by their place in the document, and remembers which."""

    def __init__(self, service: Any, project: str) -> None:
        self.service = service
        self.project = f"projects/{project}"
        self.driven: set[str] = set()

    def prepare(self, path: str, **arguments: Any) -> Any:
        self.driven.add(path)
        *resources, method = path.split(".")
        place = self.service
        for name in resources:
            place = getattr(place, name)()
        return getattr(place, method)(**arguments)

    def __call__(self, path: str, **arguments: Any) -> Any:
        return self.prepare(path, **arguments).execute()

    def refused(self, path: str, **arguments: Any) -> tuple[int, str]:
        """Status and text of a call that is refused."""
        with pytest.raises(HttpError) as caught:
            self(path, **arguments)
        return int(caught.value.resp.status), str(caught.value.reason)

    def account(self, account_id: str = "bobbuilder") -> Any:
        body = {"accountId": account_id, "serviceAccount": {"displayName": "Bob", "description": "builds"}}
        return self(f"{ACCOUNTS}.create", name=self.project, body=body)


def an_account_lives(drive: Driver) -> None:
    made = drive.account()
    name, by_id = made["name"], f"projects/-/serviceAccounts/{made['uniqueId']}"
    assert name == f"{drive.project}/serviceAccounts/{made['email']}"
    assert drive.refused(f"{ACCOUNTS}.create", name=drive.project, body={"accountId": "bobbuilder"}) == (
        409,
        f"Service account bobbuilder already exists within project {drive.project}.",
    )
    assert drive(f"{ACCOUNTS}.get", name=by_id) == made
    body = {"serviceAccount": {"displayName": "Rob"}, "updateMask": "displayName"}
    patched = drive(f"{ACCOUNTS}.patch", name=name, body=body)
    assert (patched["displayName"], patched["description"]) == ("Rob", "builds")
    updated = drive(f"{ACCOUNTS}.update", name=name, body=patched | {"description": "digs"})
    assert (updated["displayName"], updated["description"]) == ("Rob", "digs")
    assert drive(f"{ACCOUNTS}.disable", name=name, body={}) == {}
    assert drive(f"{ACCOUNTS}.get", name=name)["disabled"] is True
    assert drive(f"{ACCOUNTS}.enable", name=name, body={}) == {}
    assert drive(f"{ACCOUNTS}.delete", name=name) == {}
    assert drive.refused(f"{ACCOUNTS}.get", name=name)[0] == 404
    restored = drive(f"{ACCOUNTS}.undelete", name=by_id, body={})["restoredAccount"]
    assert restored["uniqueId"] == made["uniqueId"]


def accounts_are_listed(drive: Driver) -> None:
    made = {drive.account(f"account-{number}")["email"] for number in range(3)}
    request, seen = drive.prepare(f"{ACCOUNTS}.list", name=drive.project, pageSize=2), list[str]()
    while request is not None:
        page = request.execute()
        assert len(page["accounts"]) <= 2
        seen += [account["email"] for account in page["accounts"]]
        request = drive.service.projects().serviceAccounts().list_next(request, page)
    assert made < set(seen)
    project = drive.project.removeprefix("projects/")
    assert f"{project}@appspot.gserviceaccount.com" in seen
    assert [email for email in seen if email.endswith("-compute@developer.gserviceaccount.com")]


def a_policy_stands_on_an_account(drive: Driver) -> None:
    made = drive.account()
    binding = {"role": "roles/iam.serviceAccountUser", "members": [f"serviceAccount:{made['email']}"]}
    place = {"resource": made["name"]}
    old = drive(f"{ACCOUNTS}.getIamPolicy", **place, options_requestedPolicyVersion=3)
    assert "bindings" not in old
    body = {"policy": {"bindings": [binding], "etag": old["etag"]}}
    assert drive(f"{ACCOUNTS}.setIamPolicy", **place, body=body)["bindings"] == [binding]
    assert drive.refused(f"{ACCOUNTS}.setIamPolicy", **place, body=body)[0] == 409
    asked = {"permissions": ["iam.serviceAccounts.actAs"]}
    assert drive(f"{ACCOUNTS}.testIamPermissions", **place, body=asked) == asked


def a_key_lives(drive: Driver) -> None:
    name = drive.account()["name"]
    body = {"privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE", "keyAlgorithm": "KEY_ALG_RSA_2048"}
    made = drive(f"{ACCOUNTS}.keys.create", name=name, body=body)
    written = json.loads(base64.b64decode(made["privateKeyData"]))
    place = {"name": made["name"]}
    shown = drive(f"{ACCOUNTS}.keys.get", **place, publicKeyType="TYPE_X509_PEM_FILE")
    assert "privateKeyData" not in shown
    credentials: Any = Credentials.from_service_account_info(written)  # type: ignore[no-untyped-call]
    certificate = base64.b64decode(shown["publicKeyData"])
    signature = credentials.sign_bytes(b"message")
    assert crypt.verify_signature(b"message", signature, certificate)  # type: ignore[no-untyped-call]
    assert drive(f"{ACCOUNTS}.keys.disable", **place, body={}) == {}
    listed = drive(f"{ACCOUNTS}.keys.list", name=name, keyTypes=["USER_MANAGED"])["keys"]
    assert [(key["name"], key["disabled"]) for key in listed] == [(made["name"], True)]
    assert drive(f"{ACCOUNTS}.keys.enable", **place, body={}) == {}
    assert drive(f"{ACCOUNTS}.keys.delete", **place) == {}
    assert drive.refused(f"{ACCOUNTS}.keys.get", **place)[0] == 404
    kinds = [key["keyType"] for key in drive(f"{ACCOUNTS}.keys.list", name=name)["keys"]]
    assert kinds == ["SYSTEM_MANAGED"]


def a_key_is_uploaded(drive: Driver) -> None:
    name = drive.account()["name"]
    pem = self_signed(quick_keys.key(0), "mine", since=0, until=30_000 * DAY)
    body = {"publicKeyData": base64.b64encode(pem.encode()).decode()}
    made = drive(f"{ACCOUNTS}.keys.upload", name=name, body=body)
    assert made["keyOrigin"] == "USER_PROVIDED"
    shown = drive(f"{ACCOUNTS}.keys.get", name=made["name"], publicKeyType="TYPE_X509_PEM_FILE")
    found = load_pem_x509_certificate(base64.b64decode(shown["publicKeyData"]))
    assert found.not_valid_after_utc.timestamp() * SECOND == 30_000 * DAY
    assert drive.refused(f"{ACCOUNTS}.keys.upload", name=name, body=body) == (
        400,
        "The given public key already exists in the project.",
    )


def roles_are_told(drive: Driver) -> None:
    shown = drive("roles.get", name="roles/cloudtasks.enqueuer")
    assert "cloudtasks.tasks.create" in shown["includedPermissions"]
    request, seen = drive.prepare("roles.list", pageSize=20), list[str]()
    while request is not None:
        page = request.execute()
        seen += [role["name"] for role in page["roles"]]
        request = drive.service.roles().list_next(request, page)
    assert "roles/cloudtasks.enqueuer" in seen
    body = {"fullResourceName": f"//cloudresourcemanager.googleapis.com/{drive.project}"}
    assert drive("roles.queryGrantableRoles", body=body)["roles"]
    assert drive.refused("roles.get", name="roles/nothing")[0] == 404


STORIES: tuple[Callable[[Driver], None], ...] = (
    an_account_lives,
    accounts_are_listed,
    a_policy_stands_on_an_account,
    a_key_lives,
    a_key_is_uploaded,
    roles_are_told,
)


@pytest.fixture(scope="module")
def service(kumo: KumoProcess) -> Iterator[Any]:
    endpoint = {"api_endpoint": f"http://{kumo.address}"}
    with build("iam", "v1", http=Http(), static_discovery=True, client_options=endpoint) as service:
        yield service


@pytest.fixture
def driver(service: Any) -> Driver:
    return Driver(service, next(PROJECTS))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_client_gets_through(story: Callable[[Driver], None], driver: Driver) -> None:
    story(driver)


def test_the_stories_drive_every_method_on_accounts_and_predefined_roles(service: Any) -> None:
    drivers = [Driver(service, next(PROJECTS)) for _ in STORIES]
    for story, driver in zip(STORIES, drivers, strict=True):
        story(driver)
    published = {path for path in methods_in(service._rootDesc, "") if OURS.match(path)}
    assert len(published) > 20
    assert set().union(*(driver.driven for driver in drivers)) == published
