"""Nobody gets more than was granted: not by policies, tokens for others, signatures, or a name that is free again."""

from __future__ import annotations

import base64
import json
import time

import pytest

from tests.attacks.conftest import NewPerson
from tests.attacks.realm import ALPHA, DENIED, PLACE, PLATFORM, REFUSED, Person, Realm, queue_of
from tests.calls import Json, Reply
from tests.running import RecordingWorker

PROJECT = f"projects/{ALPHA}"
QUEUE = queue_of(ALPHA)
IAM = "/google.iam.admin.v1.IAM/"
RESOURCE_MANAGER = "/google.cloud.resourcemanager.v3.Projects/"


@pytest.fixture(scope="module")
def editor(realm: Realm) -> Person:
    person = realm.person("the-editor")
    realm.grant(PROJECT, "roles/editor", person.member)
    return person


def mine(person: Person, role: str = "roles/owner") -> Json:
    """A policy that gives its writer everything."""
    return {"bindings": [{"role": role, "members": [person.member]}]}


# -- policies --------------------------------------------------------------------------------------------------------


def test_an_editor_sets_no_policy(realm: Realm, editor: Person, ann: Person) -> None:
    token, policy = editor.token(), {"policy": mine(editor)}
    assert realm.both("GetQueue", {"name": QUEUE}, token) == "OK"
    for resource in (f"/v2/{QUEUE}", f"/v1/{PROJECT}", f"/v3/{PROJECT}", f"/v1/{ann.name}", f"/v1/{editor.name}"):
        assert realm.ask("POST", f"{resource}:setIamPolicy", policy, token).status == DENIED
    assert realm.grpc("SetIamPolicy", {"resource": QUEUE, **policy}, token).status == DENIED


@pytest.mark.parametrize("path", [f"{IAM}SetIamPolicy", f"{RESOURCE_MANAGER}SetIamPolicy"])
def test_an_editor_sets_no_policy_over_grpc_either(realm: Realm, editor: Person, path: str) -> None:
    for resource in (PROJECT, editor.name, QUEUE):
        reply = realm.grpc("SetIamPolicy", {"resource": resource, "policy": mine(editor)}, editor.token(), path=path)
        assert reply.status in (DENIED, "UNIMPLEMENTED")


KINDS = {
    "roles/cloudtasks.admin": ("", QUEUE, (PROJECT, "{self}", "{ann}")),
    "roles/iam.serviceAccountAdmin": (f"{IAM}SetIamPolicy", "{self}", (PROJECT, QUEUE)),
}


@pytest.mark.parametrize("role", KINDS)
def test_who_may_set_the_policies_of_one_kind_sets_no_others(
    realm: Realm, new_person: NewPerson, ann: Person, role: str
) -> None:
    person = new_person()
    realm.grant(PROJECT, role, person.member)
    path, own, others = KINDS[role]
    names = {"self": person.name, "ann": ann.name}
    getting = path.replace("Set", "Get")
    assert asked(realm, person, path, own.format(**names), {"policy": {"bindings": []}}).status == "OK"
    before = realm.must("POST", f"/v1/{PROJECT}:getIamPolicy", {})
    for other in (each.format(**names) for each in others):
        assert asked(realm, person, path, other, {"policy": mine(person)}).status == "INVALID_ARGUMENT"
        reply = realm.grpc("GetIamPolicy", {"resource": other}, person.token(), path=getting)
        assert reply.status == "INVALID_ARGUMENT"
    assert realm.must("POST", f"/v1/{PROJECT}:getIamPolicy", {}) == before


def asked(realm: Realm, person: Person, path: str, resource: str, request: Json) -> Reply:
    return realm.grpc("SetIamPolicy", {"resource": resource, **request}, person.token(), path=path)


def test_the_owner_of_a_queue_is_nobody_elsewhere(realm: Realm, new_person: NewPerson) -> None:
    person, queue = new_person(), realm.queue(ALPHA, "granted")
    realm.grant(queue, "roles/owner", person.member)
    assert realm.both("PauseQueue", {"name": queue}, person.token()) == "OK"
    assert realm.both("GetQueue", {"name": QUEUE}, person.token()) == DENIED
    assert realm.both("ListQueues", {"parent": f"{PROJECT}/{PLACE}"}, person.token()) == DENIED
    assert realm.ask("POST", f"/v1/{PROJECT}:getIamPolicy", {}, person.token()).status == DENIED


def test_a_task_cannot_act_as_an_account_that_its_creator_may_not_use(
    realm: Realm, new_person: NewPerson, worker: RecordingWorker, ann: Person
) -> None:
    person = new_person()
    realm.grant(QUEUE, "roles/cloudtasks.admin", person.member)
    for kind in ("oidcToken", "oauthToken"):
        for victim in (ann.email, ann.unique_id, realm.owner.email, f"{ALPHA}@appspot.gserviceaccount.com"):
            target = {"url": worker.url, kind: {"serviceAccountEmail": victim}}
            create = {"parent": QUEUE, "task": {"httpRequest": target}}
            batch = {"parent": QUEUE, "requests": [{"task": {"httpRequest": {"url": worker.url}}}, create]}
            own = {"queue": {"name": QUEUE, "httpTarget": {kind: {"serviceAccountEmail": victim}}}}
            assert realm.both("CreateTask", create, person.token()) == DENIED
            assert realm.both("BatchCreateTasks", batch, person.token()) == DENIED
            assert realm.both("UpdateQueue", own, person.token()) == DENIED
    assert worker.arrivals == []


# -- tokens for others -----------------------------------------------------------------------------------------------

MINTING: dict[str, Json] = {
    "generateAccessToken": {"scope": [PLATFORM]},
    "generateIdToken": {"audience": "https://worker.example"},
    "signJwt": {"payload": "{}"},
    "signBlob": {"payload": "eHh4"},
}


@pytest.fixture(scope="module")
def creator(realm: Realm) -> tuple[Person, Person, Person]:
    """Somebody, the account for which he may mint tokens, and another one."""
    creator, granted, other = (realm.person(name) for name in ("a-creator", "the-granted", "the-other"))
    realm.grant(granted.name, "roles/iam.serviceAccountTokenCreator", creator.member)
    return creator, granted, other


@pytest.mark.parametrize("method", MINTING)
def test_a_token_creator_mints_for_no_other_account(
    realm: Realm, creator: tuple[Person, Person, Person], method: str
) -> None:
    person, granted, other = creator
    body, token = MINTING[method], person.token()
    assert realm.ask("POST", f"/v1/projects/-/serviceAccounts/{granted.email}:{method}", body, token).status == "OK"
    for victim in (other.email, other.unique_id, person.email, realm.owner.email, "nobody@nowhere.example"):
        for project in ("-", ALPHA):
            target = f"/v1/projects/{project}/serviceAccounts/{victim}:{method}"
            assert realm.ask("POST", target, body, token).status == DENIED
            named = {**body, "name": granted.name, "account": granted.email}
            assert realm.ask("POST", target, named, token).status in (DENIED, "INVALID_ARGUMENT")


@pytest.mark.parametrize("method", MINTING)
def test_delegates_lend_only_what_they_hold(realm: Realm, creator: tuple[Person, Person, Person], method: str) -> None:
    person, granted, other = creator
    target = f"/v1/projects/-/serviceAccounts/{other.email}:{method}"
    for chain in ([granted], [other], [person], [granted, other], [realm.owner]):
        delegates = [f"projects/-/serviceAccounts/{each.email}" for each in chain]
        reply = realm.ask("POST", target, {**MINTING[method], "delegates": delegates}, person.token())
        assert reply.status == DENIED


def signed_by(realm: Realm, person: Person, account: Person, claims: Json) -> str:
    """What signJwt makes of any claims."""
    target = f"/v1/projects/-/serviceAccounts/{account.email}:signJwt"
    body = {"payload": json.dumps(claims)}
    return str(realm.must("POST", target, body, person.token())["signedJwt"])


def test_sign_jwt_forges_nobody_else(realm: Realm, creator: tuple[Person, Person, Person], ann: Person) -> None:
    person, granted, _ = creator
    realm.grant(QUEUE, "roles/cloudtasks.viewer", granted.member)
    assert realm.both("GetQueue", {"name": QUEUE}, signed_by(realm, person, granted, granted.claims())) == "OK"
    here = f"http://{realm.kumo.address}"
    now = int(time.time())
    for victim in (ann, realm.owner):
        email = {"email": victim.email, "email_verified": True, "sub": victim.unique_id, "azp": victim.unique_id}
        forged: list[Json] = [
            victim.claims(),
            granted.claims(sub=victim.email),
            granted.claims(iss=victim.unique_id),
            {"iss": "https://accounts.google.com", "aud": here, "iat": now, "exp": now + 600, **email},
            {"iss": here, "aud": here, "iat": now, "exp": now + 600, **email},
            granted.claims(aud=here, **email),
        ]
        for claims in forged:
            assert realm.both("GetQueue", {"name": QUEUE}, signed_by(realm, person, granted, claims)) == REFUSED
            assert realm.exchanged(signed_by(realm, person, granted, {"aud": f"{here}/token", **claims}))[0] == 400


def test_sign_blob_makes_no_id_token(realm: Realm, creator: tuple[Person, Person, Person], ann: Person) -> None:
    person, granted, _ = creator
    here = f"http://{realm.kumo.address}"
    status, answer = realm.exchanged(ann.assertion(scope=None, target_audience=here))
    assert status == 200
    head, claims, _ = str(answer["id_token"]).split(".")
    read = json.loads(base64.urlsafe_b64decode(claims + "=="))
    owners = read | {"email": realm.owner.email, "sub": realm.owner.unique_id, "azp": realm.owner.unique_id}
    signed = f"{head}.{base64.urlsafe_b64encode(json.dumps(owners).encode()).rstrip(b'=').decode()}"
    target = f"/v1/projects/-/serviceAccounts/{granted.email}:signBlob"
    body = {"payload": base64.b64encode(signed.encode()).decode()}
    blob = base64.b64decode(realm.must("POST", target, body, person.token())["signedBlob"])
    forged = f"{signed}.{base64.urlsafe_b64encode(blob).rstrip(b'=').decode()}"
    assert realm.both("GetQueue", {"name": QUEUE}, forged) == REFUSED
    assert realm.both("GetQueue", {"name": QUEUE}, answer["id_token"]) == "OK"


def test_a_worker_cannot_replay_the_id_token_it_was_sent(realm: Realm, ann: Person, worker: RecordingWorker) -> None:
    target = {"url": worker.url, "oidcToken": {"serviceAccountEmail": ann.email}}
    create = {"parent": QUEUE, "task": {"httpRequest": target}}
    assert realm.grpc("CreateTask", create, ann.token()).status == "OK"
    (arrival,) = worker.wait_for(1)
    token = arrival.headers["authorization"].removeprefix("Bearer ")
    assert token.count(".") == 2
    assert realm.both("GetQueue", {"name": QUEUE}, token) == REFUSED
    assert realm.exchanged(token)[0] == 400


def test_a_key_is_made_only_by_whom_it_was_granted_to(realm: Realm, new_person: NewPerson, ann: Person) -> None:
    person = new_person()
    realm.grant(PROJECT, "roles/cloudtasks.admin", person.member)
    for target in (f"/v1/{ann.name}/keys", f"/v1/{realm.owner.name}/keys", f"/v1/{ann.name}/keys:upload"):
        assert realm.ask("POST", target, {}, person.token()).status == DENIED


def test_nobody_borrows_the_owner_of_the_installation(
    realm: Realm, editor: Person, ann: Person, worker: RecordingWorker
) -> None:
    owner = realm.owner
    assert owner.project == ALPHA  # where ann may otherwise do everything
    keys, policy = f"/v1/{owner.name}/keys", {"policy": mine(ann, "roles/iam.serviceAccountTokenCreator")}
    for person in (ann, editor):
        token = person.token()
        assert realm.ask("GET", f"/v1/{owner.name}", token=token).status == "OK"
        assert realm.ask("POST", keys, {}, token).status == DENIED
        assert realm.ask("POST", f"{keys}:upload", {"publicKeyData": ""}, token).status == DENIED
        assert realm.ask("DELETE", f"/v1/{owner.key_name}", token=token).status == DENIED
        assert realm.ask("POST", f"/v1/{owner.name}:setIamPolicy", policy, token).status == DENIED
        assert realm.ask("POST", f"/v1/{owner.name}:disable", {}, token).status == DENIED
        assert realm.ask("DELETE", f"/v1/{owner.name}", token=token).status == DENIED
        for email in (owner.email, owner.unique_id):
            target = {"url": worker.url, "oauthToken": {"serviceAccountEmail": email}}
            assert realm.both("CreateTask", {"parent": QUEUE, "task": {"httpRequest": target}}, token) == DENIED
    realm.grant(PROJECT, "roles/iam.serviceAccountTokenCreator", editor.member)
    for method, body in MINTING.items():
        assert realm.ask("POST", f"/v1/{ann.name}:{method}", body, editor.token()).status == "OK"
        assert realm.ask("POST", f"/v1/{owner.name}:{method}", body, editor.token()).status == DENIED
    assert worker.arrivals == []


# -- a name that is free again ---------------------------------------------------------------------------------------


def test_a_recreated_account_gets_nothing_of_the_deleted_one(
    realm: Realm, worker: RecordingWorker, ann: Person
) -> None:
    old = realm.person("born-twice")
    queue = realm.queue(ALPHA, "born-twice")
    for resource in (PROJECT, queue, ann.name):
        realm.grant(resource, "roles/editor", old.member)
    realm.grant(old.name, "roles/iam.serviceAccountTokenCreator", ann.member)
    realm.must("POST", f"/v2/{queue}:pause", {})
    access, request = realm.access_token(old), {"name": queue}
    held = (old.token(), access)
    assert [realm.both("GetQueue", request, token) for token in held] == ["OK", "OK"]
    target = f"/v1/projects/-/serviceAccounts/{old.email}:generateAccessToken"
    assert realm.ask("POST", target, MINTING["generateAccessToken"], ann.token()).status == "OK"
    realm.must("DELETE", f"/v1/{old.name}")
    new = realm.person("born-twice")
    assert (new.email, new.unique_id == old.unique_id) == (old.email, False)
    assert realm.both("GetQueue", request, new.token()) == DENIED
    assert [realm.both("GetQueue", request, token) for token in (*held, old.token())] == [REFUSED] * 3
    assert realm.ask("GET", f"/v1/{PROJECT}", token=new.token()).status == DENIED
    assert realm.ask("GET", f"/v1/{ann.name}", token=new.token()).status == DENIED
    assert realm.ask("POST", target, MINTING["generateAccessToken"], ann.token()).status == DENIED
    assert realm.both("GetQueue", request, new.signed(new.claims() | {"iss": old.unique_id, "sub": None})) == REFUSED
    assert realm.ask("POST", f"/v1/projects/{ALPHA}/serviceAccounts/{old.unique_id}:undelete", {}).status == REFUSED
