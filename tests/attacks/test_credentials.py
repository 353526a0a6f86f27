"""Forged and stale credentials: each is refused over gRPC and REST alike, and the honest one beside it is taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

from tests.attacks.conftest import NewPerson
from tests.attacks.realm import ALPHA, BETA, PLATFORM, REFUSED, Person, Realm, queue_of, request
from tests.auth.proving import pair

QUEUE = {"name": queue_of(ALPHA)}
HOUR = 3600
SURFACES = (
    f"/v2/{queue_of(ALPHA)}",
    f"/v1/projects/{ALPHA}/serviceAccounts",
    f"/v1/projects/{ALPHA}",
    f"/v3/projects/{ALPHA}",
    f"/v1/projects/{ALPHA}/services",
    f"/v1/apps/{ALPHA}",
    "/metrics",
)


def packed(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_key_of(person: Person) -> bytes:
    return person.private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def keyed_with(secret: bytes, person: Person) -> str:
    """HS256 over what everybody may know."""
    head = {"alg": "HS256", "typ": "JWT", "kid": person.key["private_key_id"]}
    signed = f"{packed(head)}.{packed(person.claims())}"
    return f"{signed}.{packed(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def without_algorithm(person: Person, name: str, signature: str) -> str:
    head = {"alg": name, "typ": "JWT", "kid": person.key["private_key_id"]}
    return f"{packed(head)}.{packed(person.claims())}.{signature}"


def altered(person: Person) -> str:
    """An honest signature below other claims."""
    head, _, signature = person.token().split(".")
    return f"{head}.{packed(person.claims(exp=int(time.time()) + HOUR - 1, admin=True))}.{signature}"


def with_own_key(person: Person) -> str:
    """Signed with a key that the token brings along."""
    other = jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True)
    return jwt.encode(person.claims(), OTHER_KEY, "RS256", {"jwk": other, "jku": "https://evil.example"})


OTHER_KEY = pair(1).private
FORGED: dict[str, Callable[[Person], str]] = {
    "alg none": lambda p: without_algorithm(p, "none", ""),
    "alg None": lambda p: without_algorithm(p, "None", ""),
    "alg none, signed": lambda p: without_algorithm(p, "none", p.token().split(".")[2]),
    "no alg": lambda p: f"{packed({'typ': 'JWT'})}.{packed(p.claims())}.{p.token().split('.')[2]}",
    "HS256 with the public key": lambda p: keyed_with(public_key_of(p), p),
    "HS256 with the public key, stripped": lambda p: keyed_with(public_key_of(p).strip(), p),
    "HS256 with nothing": lambda p: keyed_with(b"", p),
    "stripped signature": lambda p: p.token().rpartition(".")[0] + ".",
    "no third part": lambda p: p.token().rpartition(".")[0],
    "half a signature": lambda p: p.token()[:-100],
    "other claims": altered,
    "somebody else's key": lambda p: jwt.encode(p.claims(), OTHER_KEY, "RS256", {"kid": p.key["private_key_id"]}),
    "a key of its own": with_own_key,
    "a key that is a path": lambda p: jwt.encode(p.claims(), OTHER_KEY, "RS256", {"kid": "../../../dev/null"}),
    "PS256": lambda p: jwt.encode(p.claims(), p.private_key, "PS256", {"kid": p.key["private_key_id"]}),
    "wrong issuer": lambda p: p.token(iss="https://accounts.google.com"),
    "issuer of another": lambda p: p.token(iss=f"{ALPHA}@appspot.gserviceaccount.com"),
    "issuer that is a list": lambda p: p.token(iss=[p.email]),
    "no issuer": lambda p: p.token(iss=None),
    "subject of another": lambda p: p.token(sub=f"{ALPHA}@appspot.gserviceaccount.com"),
    "no subject": lambda p: p.token(sub=None),
    "expired": lambda p: p.token(iat=int(time.time()) - 2 * HOUR, exp=int(time.time()) - HOUR),
    "expired a second ago": lambda p: p.token(iat=int(time.time()) - HOUR, exp=int(time.time()) - 1),
    "no expiry": lambda p: p.token(exp=None),
    "an expiry that is text": lambda p: p.token(exp=str(int(time.time()) + HOUR)),
    "an endless one": lambda p: p.token(exp=int(time.time()) + 365 * 24 * HOUR),
    "issued in the future": lambda p: p.token(iat=int(time.time()) + HOUR, exp=int(time.time()) + 2 * HOUR),
    "not yet valid": lambda p: p.token(nbf=int(time.time()) + 10 * 60),
    "other audience": lambda p: p.token(aud="https://worker.example/"),
    "an audience that looks like ours": lambda p: p.token(aud="https://cloudtasks.googleapis.com.evil.example/"),
    "ours and another audience": lambda p: p.token(
        aud=["https://cloudtasks.googleapis.com/", "https://worker.example"]
    ),
    "meant for the token endpoint of another": lambda p: p.token(aud="https://evil.example/token"),
    "too small a scope": lambda p: p.token(aud=None, scope="https://www.googleapis.com/auth/userinfo.email"),
    "neither audience nor scope": lambda p: p.token(aud=None),
    "an access token out of thin air": lambda p: f"ya29.k.{packed({'email': p.email})}.{packed(b'0' * 32)}",
    "the private key id": lambda p: p.key["private_key_id"],
    "a comma and another": lambda p: f"{p.token()}, Bearer {p.token()}",
    "deep claims": lambda p: f"{packed({'alg': 'RS256'})}.{packed(b'[' * 20_000)}.{packed(b'x')}",
    "a huge number": lambda p: p.token(exp=10**400),
    "giant token": lambda p: p.token(padding="x" * 14_000),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_credential_opens_nothing(realm: Realm, ann: Person, kind: str) -> None:
    forged = FORGED[kind](ann)
    assert realm.both("GetQueue", QUEUE, ann.token()) == "OK"
    assert realm.both("GetQueue", QUEUE, forged) == REFUSED
    assert realm.both("CreateTask", {"parent": QUEUE["name"], "task": {}}, forged) == REFUSED


@pytest.mark.parametrize("target", SURFACES)
def test_no_surface_takes_a_forged_credential_or_none(realm: Realm, ann: Person, target: str) -> None:
    assert realm.send("GET", target, token=ann.token()).status == 200
    for kind in ("alg none", "HS256 with the public key", "stripped signature", "expired", "other audience"):
        reply = realm.send("GET", target, token=FORGED[kind](ann))
        assert (reply.status, b"invalid authentication" in reply.body) == (401, True)
    assert realm.send("GET", target).status == 401


FORGED_GRANTS = sorted(set(FORGED) & {
    "alg none", "HS256 with the public key", "stripped signature", "no third part", "other claims",
    "somebody else's key", "a key of its own", "PS256",
})  # fmt: skip
STALE_GRANTS: dict[str, dict[str, object]] = {
    "other audience": {"aud": "https://worker.example/token"},
    "our API's audience": {"aud": "https://cloudtasks.googleapis.com/"},
    "somebody else's subject": {"sub": f"{BETA}@appspot.gserviceaccount.com"},
    "expired": {"iat": 1, "exp": 3_600},
    "endless": {"exp": 10**11},
}


@pytest.mark.parametrize("kind", FORGED_GRANTS)
def test_the_token_endpoint_takes_no_forged_assertion(realm: Realm, ann: Person, kind: str) -> None:
    status, answer = realm.exchanged(FORGED[kind](ann))
    assert (status, answer["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("kind", STALE_GRANTS)
def test_the_token_endpoint_takes_no_assertion_meant_for_others(realm: Realm, ann: Person, kind: str) -> None:
    assert realm.exchanged(ann.assertion())[0] == 200
    status, answer = realm.exchanged(ann.assertion(**STALE_GRANTS[kind]))
    assert (status, answer["error"]) in ((400, "invalid_grant"), (400, "unauthorized_client"))
    assert "access_token" not in answer


@pytest.mark.parametrize("size", [20_000, 60_000, 200_000, 2_000_000])
def test_a_giant_header_is_refused_and_costs_nobody_else(realm: Realm, ann: Person, size: int) -> None:
    field = f"Authorization: Bearer {'x' * size}"
    ((status, _),) = realm.raw(request(f"/v2/{QUEUE['name']}", field, close=True))
    assert status in (401, 431)
    assert realm.grpc("GetQueue", QUEUE, "x" * size).status in (
        REFUSED,
        "RESOURCE_EXHAUSTED",
        "UNAVAILABLE",
        "INTERNAL",
    )
    assert realm.both("GetQueue", QUEUE, ann.token()) == "OK"


@pytest.mark.parametrize("place", ["access_token", "oauth_token", "bearer_token", "key", "authorization"])
def test_a_credential_in_the_query_is_none(realm: Realm, ann: Person, place: str) -> None:
    reply = realm.send("GET", f"/v2/{QUEUE['name']}?{place}={realm.access_token(ann)}")
    assert reply.status in (400, 401)


@pytest.mark.parametrize(
    "name",
    [
        "Proxy-Authorization",
        "X-Serverless-Authorization",
        "X-Goog-Iam-Authorization-Token",
        "Cookie",
        "X-Forwarded-User",
    ],
)
def test_a_credential_in_another_header_is_none(realm: Realm, ann: Person, name: str) -> None:
    reply = realm.send("GET", f"/v2/{QUEUE['name']}", headers={name: f"Bearer {ann.token()}"})
    assert reply.status == 401


@pytest.mark.parametrize("scheme", ["Basic", "Digest", "Bearer:", "Bearer\t", "bearer Bearer", "", "Negotiate"])
def test_another_scheme_is_no_credential(realm: Realm, ann: Person, scheme: str) -> None:
    for token in (ann.token(), packed(f"{ann.email}:x".encode())):
        reply = realm.send("GET", f"/v2/{QUEUE['name']}", headers={"Authorization": f"{scheme} {token}"})
        assert reply.status == 401


# -- what was good once ----------------------------------------------------------------------------------------------


def viewer(realm: Realm, new_person: NewPerson) -> Person:
    person = new_person()
    realm.grant(QUEUE["name"], "roles/cloudtasks.viewer", person.member)
    assert realm.both("GetQueue", QUEUE, person.token()) == "OK"
    return person


def test_a_replay_after_key_deletion_fails_on_the_open_channel(realm: Realm, new_person: NewPerson) -> None:
    person = viewer(realm, new_person)
    kept, unnamed = person.token(), person.signed(person.claims(), named=False)
    assert realm.both("GetQueue", QUEUE, kept) == realm.both("GetQueue", QUEUE, unnamed) == "OK"
    realm.must("DELETE", f"/v1/{person.key_name}")
    assert realm.both("GetQueue", QUEUE, kept) == realm.both("GetQueue", QUEUE, unnamed) == REFUSED
    assert realm.both("GetQueue", QUEUE, person.token()) == REFUSED
    assert realm.exchanged(person.assertion())[0] == 400


def test_a_disabled_key_is_refused_until_it_is_enabled(realm: Realm, new_person: NewPerson) -> None:
    person = viewer(realm, new_person)
    kept = person.token()
    realm.must("POST", f"/v1/{person.key_name}:disable", {})
    assert realm.both("GetQueue", QUEUE, kept) == REFUSED
    realm.must("POST", f"/v1/{person.key_name}:enable", {})
    assert realm.both("GetQueue", QUEUE, kept) == "OK"


@pytest.mark.parametrize("end", ["DELETE ", "POST :disable"])
def test_nothing_of_an_account_that_is_gone_or_disabled_is_good(realm: Realm, new_person: NewPerson, end: str) -> None:
    person = viewer(realm, new_person)
    own, access = person.token(), realm.access_token(person)
    status, granted = realm.exchanged(person.assertion(scope=None, target_audience=f"http://{realm.kumo.address}"))
    assert status == 200
    held = (own, access, granted["id_token"])
    assert [realm.both("GetQueue", QUEUE, token) for token in held] == ["OK"] * 3
    verb, behind = end.split(" ")
    realm.must(verb, f"/v1/{person.name}{behind}", {} if verb == "POST" else None)
    assert [realm.both("GetQueue", QUEUE, token) for token in held] == [REFUSED] * 3
    assert realm.exchanged(person.assertion())[0] == 400
    assert realm.send("GET", f"/tokeninfo?access_token={access}").status == 400


def test_a_revoked_token_is_refused_at_once(realm: Realm, new_person: NewPerson) -> None:
    person = viewer(realm, new_person)
    access = realm.access_token(person)
    assert realm.both("GetQueue", QUEUE, access) == "OK"
    assert realm.send("POST", f"/revoke?token={access}", b"").status == 200
    assert realm.both("GetQueue", QUEUE, access) == REFUSED
    assert realm.both("GetQueue", QUEUE, person.token()) == "OK"


def test_an_access_token_of_a_small_scope_reaches_no_queue(realm: Realm, ann: Person) -> None:
    _, answer = realm.exchanged(ann.assertion(scope=PLATFORM.replace("cloud-platform", "userinfo.email")))
    assert realm.both("GetQueue", QUEUE, answer["access_token"]) == "PERMISSION_DENIED"


def test_an_altered_access_token_is_refused(realm: Realm, ann: Person) -> None:
    access = realm.access_token(ann)
    for place in (8, len(access) // 2, len(access) - 2):
        other = "A" if access[place] != "A" else "B"
        assert realm.both("GetQueue", QUEUE, access[:place] + other + access[place + 1 :]) == REFUSED
    assert realm.both("GetQueue", QUEUE, access) == "OK"


def test_the_call_after_a_good_one_on_the_same_connection_is_asked_again(realm: Realm, ann: Person) -> None:
    assert realm.both("GetQueue", QUEUE, ann.token()) == "OK"
    assert realm.both("GetQueue", QUEUE) == REFUSED
