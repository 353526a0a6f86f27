"""A token of one project on another: every surface refuses it, and says nothing of what is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.realm import ALPHA, BETA, DENIED, PLACE, PLATFORM, Person, Realm, queue_of
from tests.calls import CALLS, Json
from tests.running import RecordingWorker

QUEUE = queue_of(BETA)
LOCATION = f"projects/{BETA}/{PLACE}"
TASK = f"{QUEUE}/tasks/known"
NUMBERED = ("GetQueue", "CreateTask", "ListTasks", "DeleteQueue", "SetIamPolicy")
RPCS: dict[str, Json] = {
    "ListQueues": {"parent": LOCATION},
    "GetQueue": {"name": QUEUE},
    "CreateQueue": {"parent": LOCATION, "queue": {"name": f"{LOCATION}/queues/new"}},
    "UpdateQueue": {"queue": {"name": QUEUE, "state": "PAUSED"}},
    "DeleteQueue": {"name": QUEUE},
    "PurgeQueue": {"name": QUEUE},
    "PauseQueue": {"name": QUEUE},
    "ResumeQueue": {"name": QUEUE},
    "GetIamPolicy": {"resource": QUEUE},
    "SetIamPolicy": {"resource": QUEUE, "policy": {}},
    "ListTasks": {"parent": QUEUE},
    "GetTask": {"name": TASK},
    "CreateTask": {"parent": QUEUE, "task": {"httpRequest": {"url": "http://localhost/"}}},
    "BatchCreateTasks": {"parent": QUEUE, "requests": [{"task": {"httpRequest": {"url": "http://localhost/"}}}]},
    "DeleteTask": {"name": TASK},
    "BatchDeleteTasks": {"parent": QUEUE, "names": [TASK]},
    "RunTask": {"name": TASK},
    "GetCmekConfig": {"name": f"{LOCATION}/cmekConfig"},
    "UpdateCmekConfig": {"cmekConfig": {"name": f"{LOCATION}/cmekConfig", "kmsKey": ""}},
    "ListLocations": {"name": f"projects/{BETA}"},
    "GetLocation": {"name": LOCATION},
    "GetOperation": {"name": f"{LOCATION}/operations/known"},
}
# Verb, target with {account} (e-mail), {id} (unique id) and {key}, body. "-" may stand for an account's project.
REST: list[tuple[str, str, object]] = [
    ("POST", f"/v2/{QUEUE}/tasks:buffer", b"x"),
    ("POST", f"/v2/{QUEUE}/tasks/known:buffer", b"x"),
    ("GET", f"/v1/projects/{BETA}/serviceAccounts", None),
    ("POST", f"/v1/projects/{BETA}/serviceAccounts", {"accountId": "intruder"}),
    ("GET", "/v1/{account}", None),
    ("PATCH", "/v1/{account}", {"serviceAccount": {"displayName": "mine"}, "updateMask": "displayName"}),
    ("PUT", "/v1/{account}", {"displayName": "mine"}),
    ("DELETE", "/v1/{account}", None),
    ("POST", "/v1/{account}:undelete", {}),
    ("POST", "/v1/{account}:enable", {}),
    ("POST", "/v1/{account}:disable", {}),
    ("GET", "/v1/{account}/keys", None),
    ("GET", "/v1/{account}/keys/{key}", None),
    ("POST", "/v1/{account}/keys", {}),
    ("POST", "/v1/{account}/keys:upload", {"publicKeyData": ""}),
    ("DELETE", "/v1/{account}/keys/{key}", None),
    ("POST", "/v1/{account}/keys/{key}:disable", {}),
    ("POST", "/v1/{account}/keys/{key}:enable", {}),
    ("POST", "/v1/{account}:getIamPolicy", None),
    ("POST", "/v1/{account}:setIamPolicy", {"policy": {}}),
    ("POST", "/v1/{account}:generateAccessToken", {"scope": [PLATFORM]}),
    ("POST", "/v1/{account}:generateIdToken", {"audience": "https://worker.example"}),
    ("POST", "/v1/{account}:signJwt", {"payload": "{}"}),
    ("POST", "/v1/{account}:signBlob", {"payload": "eHh4"}),
    ("GET", f"/v1/projects/{BETA}", None),
    ("POST", f"/v1/projects/{BETA}:getAncestry", {}),
    ("POST", f"/v1/projects/{BETA}:getIamPolicy", {}),
    ("POST", f"/v1/projects/{BETA}:setIamPolicy", {"policy": {}}),
    ("GET", f"/v3/projects/{BETA}", None),
    ("POST", f"/v3/projects/{BETA}:getIamPolicy", {}),
    ("POST", f"/v3/projects/{BETA}:setIamPolicy", {"policy": {}}),
    ("GET", f"/v1/projects/{BETA}/services", None),
    ("GET", f"/v1/projects/{BETA}/services/cloudtasks.googleapis.com", None),
    ("GET", f"/v1/projects/{BETA}/services:batchGet?names=projects/{BETA}/services/cloudtasks.googleapis.com", None),
    ("POST", f"/v1/projects/{BETA}/services/cloudtasks.googleapis.com:enable", {}),
    ("POST", f"/v1/projects/{BETA}/services/cloudtasks.googleapis.com:disable", {}),
    ("POST", f"/v1/projects/{BETA}/services:batchEnable", {"serviceIds": ["run.googleapis.com"]}),
    ("GET", f"/v1/apps/{BETA}", None),
    ("POST", "/v1/apps", {"id": BETA, "locationId": "us-central"}),
    ("GET", f"/v1/apps/{BETA}/services", None),
    ("GET", f"/v1/apps/{BETA}/services/default/versions/v1", None),
    ("GET", f"/v1/apps/{BETA}/operations/1", None),
]
assert set(RPCS) == set(CALLS) - {"TestIamPermissions"}  # who may ask everybody what he may


@pytest.fixture(scope="module", autouse=True)
def known_task(realm: Realm) -> Iterator[None]:
    """Something to find: a task in the other project, which is not due."""
    later = {"name": TASK, "scheduleTime": "2100-01-01T00:00:00Z", "httpRequest": {"url": "http://localhost/"}}
    create = {"parent": QUEUE, "task": {**later, "scheduleTime": None}}
    realm.must("POST", f"/v2/{QUEUE}:pause", {})
    assert realm.grpc("CreateTask", create, realm.owner.token()).status == "OK"
    yield
    assert realm.grpc("GetTask", {"name": TASK}, realm.owner.token()).status == "OK"


@pytest.fixture(scope="module")
def numbers(realm: Realm) -> dict[str, str]:
    """The numbers of the projects, which the server has shown."""
    return {each: realm.must("GET", f"/v1/projects/{each}")["projectNumber"] for each in (ALPHA, BETA)}


@pytest.mark.parametrize("rpc", RPCS)
def test_no_call_of_cloud_tasks_reaches_another_project(realm: Realm, ann: Person, rpc: str) -> None:
    assert realm.both(rpc, RPCS[rpc], ann.token()) == DENIED
    assert realm.both(rpc, RPCS[rpc], realm.access_token(ann)) == DENIED


@pytest.mark.parametrize("rpc", NUMBERED)
def test_a_number_opens_no_more_than_an_id(realm: Realm, ann: Person, numbers: dict[str, str], rpc: str) -> None:
    request = {
        key: value.replace(f"projects/{BETA}", f"projects/{numbers[BETA]}") if isinstance(value, str) else value
        for key, value in RPCS[rpc].items()
    }
    assert realm.both(rpc, request, ann.token()) == DENIED


@pytest.mark.parametrize(("verb", "target", "body"), REST, ids=lambda each: each if isinstance(each, str) else "")
def test_no_other_surface_reaches_another_project(
    realm: Realm, ann: Person, ben: Person, numbers: dict[str, str], verb: str, target: str, body: object
) -> None:
    names = {ben.email, ben.unique_id}
    for project in (BETA, numbers[BETA], *(("-", ALPHA) if "{account}" in target else ())):
        for name in names if "{account}" in target else ("",):
            account = f"projects/{project}/serviceAccounts/{name}"
            filled = target.replace("{account}", account).replace("{key}", ben.key["private_key_id"])
            reply = realm.ask(verb, filled.replace(f"projects/{BETA}", f"projects/{project}"), body, ann.token())
            assert reply.status == DENIED, (filled, reply)
    assert realm.both("ListTasks", {"parent": QUEUE}, ben.token()) == "OK"


def test_what_exists_and_what_does_not_are_refused_alike(realm: Realm, ann: Person) -> None:
    for rpc, known, unknown in (("GetQueue", QUEUE, queue_of(BETA, "none")), ("GetTask", TASK, f"{QUEUE}/tasks/none")):
        said = [realm.grpc(rpc, {"name": name}, ann.token()).message.replace(name, "") for name in (known, unknown)]
        assert said[0] == said[1]


def test_nothing_of_another_project_is_listed(realm: Realm, ann: Person, ben: Person) -> None:
    for target in ("/v1/projects", "/v3/projects:search", "/v1/projects?filter=id:*"):
        listed = realm.send("GET", target, token=ann.token()).body.decode()
        assert (ALPHA in listed, BETA in listed) == (True, False)
    tested = {"permissions": ["cloudtasks.queues.get", "resourcemanager.projects.get"]}
    for target in (f"/v2/{QUEUE}", f"/v1/projects/{BETA}", f"/v3/projects/{BETA}", f"/v1/{ben.name}"):
        assert realm.ask("POST", f"{target}:testIamPermissions", tested, ann.token()).answer == {}


def test_a_service_operation_of_another_project_stays_unseen(realm: Realm, ann: Person, ben: Person) -> None:
    change = f"/v1/projects/{BETA}/services/run.googleapis.com:disable"
    name = realm.must("POST", change, {}, ben.token())["name"]
    assert realm.ask("GET", f"/v1/{name}", token=ben.token()).status == "OK"
    assert realm.ask("GET", f"/v1/{name}", token=ann.token()).status == DENIED


def test_a_batch_cannot_reach_over(realm: Realm, ann: Person, worker: RecordingWorker) -> None:
    own, task = queue_of(ALPHA), {"httpRequest": {"url": worker.url}}
    for requests in ([{"parent": QUEUE, "task": task}], [{"task": {"name": f"{QUEUE}/tasks/new", **task}}]):
        reply = realm.grpc("BatchCreateTasks", {"parent": own, "requests": requests}, ann.token())
        assert reply.status == "INVALID_ARGUMENT" or list(reply.answer["metadata"].get("failedRequests", {})) == ["0"]
    assert realm.both("BatchDeleteTasks", {"parent": own, "names": [TASK]}, ann.token()) == "INVALID_ARGUMENT"
    create = {"parent": own, "task": {"name": f"{QUEUE}/tasks/new", **task}}
    assert realm.both("CreateTask", create, ann.token()) == "INVALID_ARGUMENT"
    assert realm.both(
        "CreateQueue", {"parent": f"projects/{ALPHA}/{PLACE}", "queue": {"name": QUEUE}}, ann.token()
    ) == ("INVALID_ARGUMENT")
    assert worker.arrivals == []


def test_a_batch_of_another_project_is_not_seen_through_its_id(realm: Realm, ann: Person, ben: Person) -> None:
    batch = {**RPCS["BatchCreateTasks"], "requestId": "shared-id"}
    assert realm.grpc("BatchCreateTasks", batch, ben.token()).status == "OK"
    for place, status in ((LOCATION, DENIED), (f"projects/{ALPHA}/{PLACE}", "NOT_FOUND")):
        assert realm.both("GetOperation", {"name": f"{place}/operations/shared-id"}, ann.token()) == status


def test_a_task_acts_as_no_account_of_another_project(
    realm: Realm, ann: Person, ben: Person, worker: RecordingWorker
) -> None:
    for kind in ("oidcToken", "oauthToken"):
        for victim in (ben.email, f"{BETA}@appspot.gserviceaccount.com"):
            target = {"url": worker.url, kind: {"serviceAccountEmail": victim}}
            create = {"parent": queue_of(ALPHA), "task": {"httpRequest": target}}
            assert realm.both("CreateTask", create, ann.token()) == DENIED
    assert worker.arrivals == []
