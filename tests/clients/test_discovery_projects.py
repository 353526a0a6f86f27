"""google-api-python-client on what stands around the queues: projects, services, applications, credentials."""

from __future__ import annotations

import base64
import itertools
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from google.auth import jwt
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from httplib2 import Http

from kumotasks.domain.account import derived_unique_id, project_number
from tests.running import KumoProcess

COMPUTE = "compute.googleapis.com"
SCOPE = ["https://www.googleapis.com/auth/cloud-platform"]
EDITORS = {"role": "roles/cloudtasks.enqueuer", "members": ["user:anna@example.com"]}
SERIALS = itertools.count(1)
Build = Callable[[str, str], Any]


@pytest.fixture(scope="module")
def service(kumo: KumoProcess) -> Iterator[Build]:
    """A client of a service and its version, from the document that comes with the package."""
    with ExitStack() as stack:
        known: dict[tuple[str, str], Any] = {}

        def make(name: str, version: str) -> Any:
            if (name, version) not in known:
                options = {"api_endpoint": f"http://{kumo.address}"}
                client = build(name, version, http=Http(), static_discovery=True, client_options=options)
                known[name, version] = stack.enter_context(client)
            return known[name, version]

        yield make


@pytest.fixture
def project() -> str:
    return f"around-{next(SERIALS)}"


def refused(request: Any) -> int:
    """The HTTP status a request is refused with."""
    with pytest.raises(HttpError) as caught:
        request.execute()
    return int(caught.value.resp.status)


# Resource Manager


def test_a_project_is_the_same_in_both_versions(service: Build, project: str) -> None:
    old = service("cloudresourcemanager", "v1").projects().get(projectId=project).execute()
    new = service("cloudresourcemanager", "v3").projects().get(name=f"projects/{project}").execute()
    number = project_number(project)
    assert (old["projectId"], old["projectNumber"], old["lifecycleState"]) == (project, number, "ACTIVE")
    assert (new["projectId"], new["name"], new["state"]) == (project, f"projects/{number}", "ACTIVE")
    assert old["createTime"] == new["createTime"]
    assert service("cloudresourcemanager", "v1").projects().get(projectId=number).execute() == old
    assert service("cloudresourcemanager", "v3").projects().get(name=f"projects/{number}").execute() == new


def test_a_project_has_no_one_above_it(service: Build, project: str) -> None:
    answer = service("cloudresourcemanager", "v1").projects().getAncestry(projectId=project, body={}).execute()
    assert answer == {"ancestor": [{"resourceId": {"type": "project", "id": project}}]}


def test_projects_that_were_seen_are_listed_and_found(service: Build, project: str) -> None:
    old, new = service("cloudresourcemanager", "v1").projects(), service("cloudresourcemanager", "v3").projects()
    old.get(projectId=project).execute()
    listed, request = set[str](), old.list(pageSize=1)
    while request is not None:
        page = request.execute()
        listed |= {each["projectId"] for each in page.get("projects", [])}
        request = old.list_next(request, page)
    assert {project, "kumo-local"} <= listed
    assert [each["projectId"] for each in old.list(filter=f"id:{project}").execute()["projects"]] == [project]
    assert [each["projectId"] for each in new.search(query=f"id:{project}").execute()["projects"]] == [project]
    assert new.search(query="id:nobody-ever-named-it").execute() == {}


@pytest.mark.parametrize(("version", "prefix"), [("v1", ""), ("v3", "projects/")])
def test_a_projects_policy_can_be_read_and_changed(service: Build, project: str, version: str, prefix: str) -> None:
    projects, name = service("cloudresourcemanager", version).projects(), f"{prefix}{project}"
    asked = {"options": {"requestedPolicyVersion": 3}}
    policy = projects.getIamPolicy(resource=name, body=asked).execute()
    changed = policy | {"bindings": [*policy.get("bindings", []), EDITORS], "version": 3}
    written = projects.setIamPolicy(resource=name, body={"policy": changed}).execute()
    assert EDITORS in written["bindings"]
    assert projects.getIamPolicy(resource=name, body=asked).execute()["etag"] == written["etag"]
    assert refused(projects.setIamPolicy(resource=name, body={"policy": changed})) == 409
    by_number = f"{prefix}{project_number(project)}"
    service("cloudresourcemanager", "v1").projects().get(projectId=project).execute()
    assert projects.getIamPolicy(resource=by_number, body=asked).execute()["etag"] == written["etag"]


@pytest.mark.parametrize(("version", "prefix"), [("v1", ""), ("v3", "projects/")])
def test_permissions_on_a_project_can_be_tested(service: Build, project: str, version: str, prefix: str) -> None:
    projects = service("cloudresourcemanager", version).projects()
    body = {"permissions": ["cloudtasks.tasks.create", "resourcemanager.projects.get"]}
    assert projects.testIamPermissions(resource=f"{prefix}{project}", body=body).execute() == body


# Service Usage


def test_a_service_is_enabled_and_disabled(service: Build, project: str) -> None:
    usage, name = service("serviceusage", "v1"), f"projects/{project}/services/{COMPUTE}"
    assert usage.services().get(name=name).execute()["state"] == "DISABLED"
    operation = usage.services().enable(name=name, body={}).execute()
    assert operation["done"]
    assert operation["response"]["service"]["state"] == "ENABLED"
    assert usage.operations().get(name=operation["name"]).execute() == operation
    assert usage.services().get(name=name).execute() == operation["response"]["service"]
    usage.services().disable(name=name, body={"disableDependentServices": True}).execute()
    assert usage.services().get(name=name).execute()["state"] == "DISABLED"


def test_services_are_enabled_got_and_listed_together(service: Build, project: str) -> None:
    services, parent = service("serviceusage", "v1").services(), f"projects/{project}"
    wanted = [COMPUTE, "pubsub.googleapis.com"]
    done = services.batchEnable(parent=parent, body={"serviceIds": wanted}).execute()
    assert [each["config"]["name"] for each in done["response"]["services"]] == wanted
    got = services.batchGet(parent=parent, names=[f"{parent}/services/{each}" for each in wanted]).execute()
    assert got["services"] == done["response"]["services"]
    listed, request = set[str](), services.list(parent=parent, filter="state:ENABLED", pageSize=3)
    while request is not None:
        page = request.execute()
        listed |= {each["config"]["name"] for each in page["services"]}
        request = services.list_next(request, page)
    assert listed >= {*wanted, "cloudtasks.googleapis.com", "run.googleapis.com", "iam.googleapis.com"}


# App Engine


def test_every_project_has_an_application(service: Build, project: str) -> None:
    apps = service("appengine", "v1").apps()
    shown = apps.get(appsId=project).execute()
    assert (shown["name"], shown["id"], shown["servingStatus"]) == (f"apps/{project}", project, "SERVING")
    assert shown["locationId"] == "us-central"
    assert refused(apps.create(body={"id": project, "locationId": "us-central"})) == 409
    assert refused(apps.services().list(appsId=project)) == 404
    assert refused(apps.services().versions().get(appsId=project, servicesId="s", versionsId="v")) == 404


# IAM Credentials


def account(project: str) -> tuple[str, str]:
    """(e-mail, resource name) of an account that every project has."""
    email = f"{project}@appspot.gserviceaccount.com"
    return email, f"projects/-/serviceAccounts/{email}"


def test_tokens_are_generated_for_an_account(service: Build, project: str, kumo: KumoProcess) -> None:
    accounts, (email, name) = service("iamcredentials", "v1").projects().serviceAccounts(), account(project)
    access = accounts.generateAccessToken(name=name, body={"scope": SCOPE, "lifetime": "300s"}).execute()
    assert access["accessToken"].startswith("ya29.")
    assert access["expireTime"].endswith("Z")
    body = {"audience": "https://worker.example", "includeEmail": True}
    text = accounts.generateIdToken(name=name, body=body).execute()["token"]
    with urllib.request.urlopen(f"http://{kumo.address}/oauth2/v1/certs", timeout=30) as answer:
        certificates = json.loads(answer.read())
    claims = jwt.decode(text, certs=certificates, audience="https://worker.example")
    assert (claims["email"], claims["sub"]) == (email, derived_unique_id(email))


def test_an_account_signs(service: Build, project: str) -> None:
    accounts, (email, name) = service("iamcredentials", "v1").projects().serviceAccounts(), account(project)
    payload = json.dumps({"sub": email})
    signed = accounts.signJwt(name=name, body={"payload": payload}).execute()
    header, claims, _, _ = jwt._unverified_decode(signed["signedJwt"])
    assert (header["kid"], claims) == (signed["keyId"], json.loads(payload))
    blob = accounts.signBlob(name=name, body={"payload": base64.b64encode(b"anything").decode()}).execute()
    assert blob["keyId"] == signed["keyId"]
    assert len(base64.b64decode(blob["signedBlob"])) == 256


def test_too_long_a_lifetime_is_refused(service: Build, project: str) -> None:
    accounts, (_, name) = service("iamcredentials", "v1").projects().serviceAccounts(), account(project)
    assert refused(accounts.generateAccessToken(name=name, body={"scope": SCOPE, "lifetime": "3601s"})) == 400


def test_every_location_is_allowed(service: Build, project: str) -> None:
    accounts, (_, name) = service("iamcredentials", "v1").projects().serviceAccounts(), account(project)
    assert accounts.getAllowedLocations(name=name).execute() == {"locations": [], "encodedLocations": "0x0"}
