"""Names that try to lead elsewhere: encoded slashes, dots, wildcards, line ends, look-alikes, two names at once."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.attacks.realm import ALPHA, BETA, DENIED, PLACE, Person, Realm, queue_of

OWN, FOREIGN = queue_of(ALPHA), queue_of(BETA)
# None of these is the queue `work` of either project, whatever is made of it.
TWISTED = [
    f"projects/{ALPHA}/../{BETA}/{PLACE}/queues/work",
    f"projects/{ALPHA}/{PLACE}/queues/../../../../{BETA}/{PLACE}/queues/work",
    f"projects/{ALPHA}/{PLACE}/queues/../queues/work",
    f"projects/./{BETA}/{PLACE}/queues/work",
    f"projects//{BETA}/{PLACE}/queues/work",
    f"projects/-/{PLACE}/queues/work",
    f"projects/*/{PLACE}/queues/work",
    f"projects/{ALPHA},{BETA}/{PLACE}/queues/work",
    f"projects/{ALPHA}/{PLACE}/queues/-",
    f"projects/{ALPHA}/locations/-/queues/work",
    f"projects/{ALPHA}/{PLACE}/queues/work/",
    f"/projects/{ALPHA}/{PLACE}/queues/work",
    f"projects/{ALPHA}/{PLACE}/queues/work\n",
    f"projects/{ALPHA}\n/{PLACE}/queues/work",
    f"projects/{ALPHA}/{PLACE}/queues/work\r\nX: y",
    f"projects/{ALPHA}/{PLACE}/queues/work\0",
    f"projects/{ALPHA}\0{BETA}/{PLACE}/queues/work",
    f" projects/{ALPHA}/{PLACE}/queues/work",
    f"projects/{ALPHA}/{PLACE}/queues/work ",
    f"PROJECTS/{ALPHA}/{PLACE}/queues/work",
    f"projects/{ALPHA.upper()}/{PLACE}/queues/work",
    f"projects/{ALPHA}/{PLACE}/queues/ｗork",
    f"projects/{ALPHA}/{PLACE}/queues/wo\u0301rk",
    f"projects/{ALPHA}/{PLACE}/queues/w\u043erk",
    f"projects/{ALPHA}\u2215{PLACE}/queues/work",
    f"projects/{ALPHA}/{PLACE}/queues/work\u200b",
    f"projects/{ALPHA}/{PLACE}/queues/work;{BETA}",
    f"projects/{ALPHA}/{PLACE}/queues/work?name={FOREIGN}",
    f"projects/{ALPHA}/{PLACE}/queues/work#",
    f"projects/{ALPHA}/{PLACE}/queues/work%2f..%2f..",
    f"projects/{ALPHA}/{PLACE}/queues/%77ork",
    f"projects/{ALPHA}%2F..%2F{BETA}/{PLACE}/queues/work",
    f"//cloudtasks.googleapis.com/{OWN}",
    f"https://cloudtasks.googleapis.com/v2/{OWN}",
    "",
    "-",
    "..",
]


@pytest.mark.parametrize("name", TWISTED)
def test_a_twisted_name_is_no_name_over_grpc(realm: Realm, ann: Person, name: str) -> None:
    for token in (ann.token(), realm.owner.token()):
        assert realm.grpc("GetQueue", {"name": name}, token).status in (DENIED, "INVALID_ARGUMENT", "NOT_FOUND")
        assert realm.grpc("GetTask", {"name": f"{name}/tasks/t"}, token).status != "OK"
        assert realm.grpc("ListTasks", {"parent": name}, token).status != "OK"
        assert realm.grpc("SetIamPolicy", {"resource": name, "policy": {}}, token).status != "OK"
    assert realm.grpc("GetQueue", {"name": OWN}, ann.token()).status == "OK"


@pytest.mark.parametrize("name", TWISTED)
def test_a_twisted_path_leads_nowhere_over_rest(realm: Realm, ann: Person, name: str) -> None:
    for path in (quote(name, safe="/"), quote(name, safe="")):
        for verb, behind in (("GET", ""), ("GET", "/tasks"), ("POST", ":pause"), ("DELETE", "")):
            reply = realm.send(verb, f"/v2/{path}{behind}", None if verb != "POST" else {}, ann.token())
            assert reply.status in (400, 403, 404), (path, reply)
    assert realm.grpc("GetQueue", {"name": OWN}, ann.token()).answer["state"] == "RUNNING"


ENCODED = [
    f"/v2/projects/{ALPHA}%2F..%2F{BETA}/{PLACE}/queues/work",
    f"/v2/projects/{ALPHA}/{PLACE}/queues/..%2F..%2F..%2F..%2F{BETA}%2Flocations%2Fus-central1%2Fqueues%2Fwork",
    f"/v2/projects/{ALPHA}/%2e%2e/{BETA}/{PLACE}/queues/work",
    f"/v2/projects/{ALPHA}/../{BETA}/{PLACE}/queues/work",
    f"/v2/projects%2F{BETA}%2Flocations%2Fus-central1%2Fqueues%2Fwork",
    f"/v2/projects/{ALPHA}%00/{PLACE}/queues/work",
    f"/v2/projects/{ALPHA}%0a/{PLACE}/queues/work",
    f"/v2/projects/{ALPHA}/{PLACE}/queues/work%0d%0aHost:%20evil",
    f"/v2/projects/{ALPHA}/{PLACE}/queues/%c0%af",
    f"/v2/projects/{ALPHA}/{PLACE}/queues/work%ff",
    f"/v2/projects/{ALPHA}/{PLACE}/queues/%2577ork",
    f"/v2/..;/v2/{FOREIGN}",
    f"/v2/./{OWN}",
    f"//v2/{OWN}",
    f"/healthz/../v2/{OWN}",
    f"/healthz/..%2fv2/{OWN}",
    "/../../../../etc/passwd",
    "/..%2f..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/data/owner.json",
    "/robot/v1/metadata/x509/..%2f..%2f..%2fowner.json",
    "/service_accounts/v1/jwk/..%2f..%2fkeys%2fring.json",
]


@pytest.mark.parametrize("target", ENCODED)
def test_an_encoded_path_is_not_walked(realm: Realm, ann: Person, target: str) -> None:
    for token in (ann.token(), realm.owner.token()):
        reply = realm.send("GET", target, token=token)
        assert reply.status in (400, 403, 404)
        assert b"PRIVATE KEY" not in reply.body
        assert b'"state"' not in reply.body


# One variable of a path that holds slashes of its own: what is judged must be what is done.
def test_an_account_that_holds_a_path_is_no_way_to_another(realm: Realm, ann: Person, ben: Person) -> None:
    ladders = [
        f"projects/{ALPHA}%2FserviceAccounts%2F{ann.email}/serviceAccounts/{ben.email}",
        f"projects/-%2FserviceAccounts%2F{ann.email}/serviceAccounts/{ben.email}",
        f"projects/-/serviceAccounts/{ann.email}%2F..%2F{ben.email}",
        f"projects/{ALPHA}/serviceAccounts/{ann.email}%2FserviceAccounts%2F{ben.email}",
        f"projects/{ALPHA}/serviceAccounts/{ann.email}%00{ben.email}",
        f"projects/{ALPHA}/serviceAccounts/{ben.email}%2Ftasks%2F{ann.email}",
        f"projects/{ALPHA}%2Ftasks%2F/serviceAccounts/{ben.email}",
        f"projects/{ALPHA}/serviceAccounts/{ben.email}%0a",
        f"projects/{BETA}%2F..%2F{ALPHA}/serviceAccounts/{ben.email}",
    ]
    before = realm.must("GET", f"/v1/{ben.name}/keys")
    for name in ladders:
        for verb, behind in (("GET", ""), ("GET", "/keys"), ("POST", "/keys"), ("POST", ":disable"), ("DELETE", "")):
            reply = realm.send(verb, f"/v1/{name}{behind}", {} if verb == "POST" else None, ann.token())
            assert reply.status in (400, 403, 404), (name, verb, behind, reply)
    assert realm.must("GET", f"/v1/{ben.name}/keys") == before
    assert realm.both("GetQueue", {"name": FOREIGN}, ben.token()) == "OK"


def test_a_key_of_one_account_is_not_named_through_another(realm: Realm, ann: Person, ben: Person) -> None:
    key = ben.key["private_key_id"]
    for name in (key, f"..%2F..%2F{ben.email}%2Fkeys%2F{key}", f"{ben.unique_id}%2F{key}", f"%2e%2e/{key}"):
        for verb, behind in (("GET", ""), ("POST", ":disable"), ("DELETE", "")):
            reply = realm.send(verb, f"/v1/{ann.name}/keys/{name}{behind}", {} if verb == "POST" else None, ann.token())
            assert reply.status in (400, 403, 404)
    assert realm.both("GetQueue", {"name": FOREIGN}, ben.token()) == "OK"


def test_a_project_that_holds_a_path_is_no_way_to_another(realm: Realm, ann: Person) -> None:
    policy = {"policy": {"bindings": [{"role": "roles/owner", "members": [ann.member]}]}}
    before = realm.must("POST", f"/v1/projects/{BETA}:getIamPolicy", {})
    for name in (
        f"{ALPHA}%2F..%2F{BETA}",
        f"{ALPHA}%2Ftasks%2F{BETA}",
        f"projects%2F{BETA}",
        f"{BETA}%0a",
        f"{BETA}%2F",
    ):
        for version in ("v1", "v3"):
            reply = realm.send("POST", f"/{version}/projects/{name}:setIamPolicy", policy, ann.token())
            assert reply.status in (400, 403, 404), name
    assert realm.must("POST", f"/v1/projects/{BETA}:getIamPolicy", {}) == before


def test_of_two_names_in_one_request_the_path_is_meant(realm: Realm, ann: Person, ben: Person) -> None:
    keys = realm.must("GET", f"/v1/{ben.name}/keys")
    token, update = ann.token(), {"name": FOREIGN, "state": "PAUSED", "rateLimits": {"maxConcurrentDispatches": 7}}
    mask = "updateMask=rateLimits.maxConcurrentDispatches"
    for target in (f"/v2/{OWN}?{mask}", f"/v2/{OWN}?{mask}&queue.name={FOREIGN}", f"/v2/{OWN}?{mask}&name={FOREIGN}"):
        realm.send("PATCH", target, update, token)
    for target in (f"/v2/{OWN}:pause?name={FOREIGN}", f"/v2/{OWN}:pause"):
        realm.send("POST", target, {"name": FOREIGN}, token)
    realm.must("POST", f"/v2/{OWN}:resume", {})
    for body in ({"resource": FOREIGN, "policy": {}}, {"policy": {}}):
        realm.send("POST", f"/v2/{OWN}:setIamPolicy?resource={FOREIGN}", body, token)
    realm.send("DELETE", f"/v1/{ann.name}/keys/none?account={ben.email}&project={BETA}", None, token)
    realm.send("POST", f"/v1/{ann.name}/keys?account={ben.email}", {"account": ben.email, "project": BETA}, token)
    realm.send(
        "POST", f"/v1/projects/{ALPHA}:setIamPolicy?resource={BETA}", {"resource": BETA, "updateMask": "etag"}, token
    )
    beta = realm.grpc("GetQueue", {"name": FOREIGN}, ben.token()).answer
    assert beta["rateLimits"]["maxConcurrentDispatches"] != 7
    assert beta["state"] == "RUNNING"
    assert realm.must("GET", f"/v1/{ben.name}/keys") == keys
    assert realm.grpc("GetQueue", {"name": FOREIGN}, token).status == DENIED


def test_a_task_id_is_no_path(realm: Realm, ann: Person) -> None:
    for task in ("..", "a/../b", f"t/tasks/../../../{FOREIGN}", "t\n", "t\0", "ｔ", "a b", "%2e%2e", "t\r\nX: y"):
        create = {"parent": OWN, "task": {"name": f"{OWN}/tasks/{task}", "httpRequest": {"url": "http://localhost/"}}}
        assert realm.both("CreateTask", create, ann.token()) == "INVALID_ARGUMENT"
        buffered = realm.send("POST", f"/v2/{OWN}/tasks/{quote(task, safe='')}:buffer", b"", ann.token())
        assert buffered.status in (400, 404)
