"""What an operator does to a running server, over the wire; only exact instants are read under a clock that stands."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import jwt
import pytest
from google.auth import jwt as google_jwt
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from google.oauth2.service_account import IDTokenCredentials
from requests import Session

from kumotasks.api.administration import administration_pages
from kumotasks.api.call import Caller, PageRequest
from kumotasks.api.pages import stamp
from kumotasks.auth.keyring import OVERLAP, Keyring
from kumotasks.domain.clock import ManualClock
from tests.auth.quick_keys import quick_keys
from tests.factory import NOW
from tests.running import KumoProcess, running

__all__ = ["quick_keys"]
PROJECT = "projects/kumo-local"
QUEUE = f"{PROJECT}/locations/us-central1/queues/mail"
CREATE = "cloudtasks.tasks.create"
SENDER = "sender@kumo-local.iam.gserviceaccount.com"
MEMBER = f"serviceAccount:{SENDER}"
AUDIENCE = "https://worker.example"
Headers = dict[str, str]


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    """A server that asks everybody who he is, with one account that holds nothing."""
    with running(tmp_path_factory.mktemp("iam"), "--auth", "iam", "--queue", "mail") as server:
        status, _ = server.http("POST", f"/v1/{PROJECT}/serviceAccounts", {"accountId": "sender"}, owner(server))
        assert status == 200
        yield server


def bearer(server: KumoProcess, key: Mapping[str, str]) -> Headers:
    made: Any = google_jwt.Credentials.from_service_account_info(key, audience=f"http://{server.address}")  # type: ignore[no-untyped-call]
    made.refresh(None)
    return {"Authorization": f"Bearer {made.token.decode()}"}


def owner(server: KumoProcess) -> Headers:
    return bearer(server, json.loads((server.directory / "data" / "owner.json").read_text()))


def key_of(server: KumoProcess, email: str) -> dict[str, str]:
    status, made = server.http("POST", f"/v1/{PROJECT}/serviceAccounts/{email}/keys", {}, owner(server))
    assert status == 200, made
    return cast(dict[str, str], json.loads(base64.b64decode(str(made["privateKeyData"]))))


def asked(server: KumoProcess, headers: Headers, **question: str) -> tuple[int, dict[str, Any]]:
    return server.http("GET", f"/kumo/v1/iam:explain?{urlencode(question)}", headers=headers)


def explained(server: KumoProcess, member: str, permission: str = CREATE, resource: str = QUEUE) -> dict[str, Any]:
    status, answer = asked(server, owner(server), member=member, permission=permission, resource=resource)
    assert status == 200, answer
    return answer


def rotated(server: KumoProcess) -> dict[str, Any]:
    status, answer = server.http("POST", "/kumo/v1/keys:rotate", headers=owner(server))
    assert status == 200, answer
    return answer


def bind(server: KumoProcess, *bindings: dict[str, object]) -> None:
    policy = {"policy": {"version": 3, "bindings": list(bindings)}}
    status, answer = server.http("POST", f"/v2/{QUEUE}:setIamPolicy", policy, owner(server))
    assert status == 200, answer


def minted(server: KumoProcess, request: Request) -> str:
    """An ID token of the owner's, as google-auth gets it from the token endpoint."""
    path = server.directory / "data" / "owner.json"
    credentials: Any = IDTokenCredentials.from_service_account_file(str(path), target_audience=AUDIENCE)  # type: ignore[no-untyped-call]
    credentials.refresh(request)
    return str(credentials.token)


def key_id(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


@pytest.fixture
def request_() -> Iterator[Request]:
    with Session() as session:
        yield Request(session)


def verified(server: KumoProcess, token: str, request: Request) -> str:
    """Whose the token is, by google-auth and by PyJWT, each with the keys that are published now."""
    certificates = f"http://{server.address}/oauth2/v3/certs"
    google: Any = id_token.verify_token(token, request, AUDIENCE, certificates)
    key = jwt.PyJWKClient(certificates).get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer="https://accounts.google.com")
    assert google == claims
    return str(claims["email"])


def test_a_rotation_takes_nothing_from_tokens_of_before(iam: KumoProcess, request_: Request) -> None:
    before, known = minted(iam, request_), owner(iam)
    answer = rotated(iam)
    after = minted(iam, request_)
    assert key_id(after) == answer["keyId"] != key_id(before)
    assert answer["retired"][0]["keyId"] == key_id(before)
    who = "kumo-owner@kumo-local.iam.gserviceaccount.com"
    assert verified(iam, before, request_) == verified(iam, after, request_) == who
    assert iam.http("GET", f"/v1/{PROJECT}/serviceAccounts", headers=known)[0] == 200
    iam.kill()
    iam.start()
    assert verified(iam, before, request_) == verified(iam, after, request_) == who
    assert key_id(minted(iam, request_)) == answer["keyId"]


def test_the_key_of_a_rotation_was_published_before_it(iam: KumoProcess) -> None:
    _, before = iam.http("GET", "/oauth2/v3/certs")
    answer = rotated(iam)
    _, after = iam.http("GET", "/oauth2/v3/certs")
    assert answer["keyId"] in [key["kid"] for key in cast(list[dict[str, str]], before["keys"])]
    assert {each["keyId"] for each in answer["retired"]} < {key["kid"] for key in cast(list[Any], after["keys"])}


def test_an_access_token_of_before_is_still_believed(iam: KumoProcess) -> None:
    path = "/v1/projects/-/serviceAccounts/kumo-owner@kumo-local.iam.gserviceaccount.com:generateAccessToken"
    scope = {"scope": ["https://www.googleapis.com/auth/cloud-platform"]}
    status, made = iam.http("POST", path, scope, owner(iam))
    assert status == 200, made
    rotated(iam)
    held = {"Authorization": f"Bearer {made['accessToken']}"}
    assert iam.http("GET", f"/v1/{PROJECT}/serviceAccounts", headers=held)[0] == 200


async def test_a_key_says_until_when_it_is_published(tmp_path: Path, quick_keys: None) -> None:
    clock = ManualClock(NOW)
    keyring = Keyring(tmp_path, clock)
    first = await keyring.signing()
    rotate, _ = administration_pages(keyring, None)
    request = PageRequest("POST", rotate.path, b"", {}, b"", Caller(""))
    answer = json.loads((await rotate.handle(request)).body)
    assert answer == {
        "keyId": (await keyring.signing()).key_id,
        "retired": [{"keyId": first.key_id, "publishedUntil": stamp(NOW + OVERLAP)}],
    }
    clock.turn(NOW + OVERLAP)
    answer = json.loads((await rotate.handle(request)).body)
    assert first.key_id not in json.dumps(answer)


@pytest.mark.parametrize(("verb", "path"), [("POST", "keys:rotate"), ("GET", "iam:explain?member=allUsers")])
def test_only_who_controls_the_server_may_ask(verb: str, path: str, iam: KumoProcess) -> None:
    _, before = iam.http("GET", "/oauth2/v3/certs")
    stranger = bearer(iam, key_of(iam, SENDER))
    status, answer = iam.http(verb, f"/kumo/v1/{path}")
    assert status == 401, answer
    status, answer = iam.http(verb, f"/kumo/v1/{path}", headers=stranger)
    assert status == 403
    assert "kumo.server.control" in json.dumps(answer)
    assert iam.http("GET", "/oauth2/v3/certs")[1] == before


def test_keys_are_not_turned_by_a_get(iam: KumoProcess) -> None:
    _, before = iam.http("GET", "/oauth2/v3/certs")
    assert iam.http("GET", "/kumo/v1/keys:rotate", headers=owner(iam))[0] == 404
    assert iam.http("GET", "/oauth2/v3/certs")[1] == before


def test_the_binding_that_grants_is_named(iam: KumoProcess) -> None:
    condition = {"expression": "request.time > timestamp('2020-01-01T00:00:00Z')", "title": "since then"}
    bind(iam, {"role": "roles/cloudtasks.enqueuer", "members": [MEMBER], "condition": condition})
    answer = explained(iam, SENDER.upper())
    roles = ["roles/cloudtasks.enqueuer", "roles/cloudtasks.editor", "roles/cloudtasks.admin"]
    assert answer == {
        "member": MEMBER,
        "permission": CREATE,
        "resource": QUEUE,
        "granted": True,
        "reason": "BINDING",
        "binding": {
            "resource": QUEUE,
            "role": "roles/cloudtasks.enqueuer",
            "member": MEMBER,
            "condition": condition,
        },
        "roles": roles,
    }


def test_what_is_missing_comes_with_the_command_that_grants_it(iam: KumoProcess) -> None:
    bind(iam)
    answer = explained(iam, MEMBER)
    assert (answer["granted"], answer["reason"]) == (False, "NO_BINDING")
    assert "binding" not in answer
    assert answer["command"] == (
        "kumo tasks queues add-iam-policy-binding mail --location=us-central1 --project=kumo-local "
        f"--member={MEMBER} --role=roles/cloudtasks.enqueuer"
    )


def test_a_condition_that_does_not_hold_is_told(iam: KumoProcess) -> None:
    bind(iam, {"role": "roles/cloudtasks.enqueuer", "members": [MEMBER], "condition": {"expression": "false"}})
    answer = explained(iam, MEMBER)
    assert (answer["granted"], answer["reason"]) == (False, "CONDITION")
    assert [each["condition"] for each in answer["refused"]] == [{"expression": "false"}]


def test_an_account_that_is_not_there_is_told(iam: KumoProcess) -> None:
    answer = explained(iam, "nobody-yet@kumo-local.iam.gserviceaccount.com")
    assert (answer["granted"], answer["reason"]) == (False, "NO_ACCOUNT")


def test_the_verdict_is_the_gates(iam: KumoProcess) -> None:
    """Who is said to hold it is let in; who is said to lack it is not."""
    held = bearer(iam, key_of(iam, SENDER))
    for bindings, status in (((), 403), (({"role": "roles/cloudtasks.viewer", "members": [MEMBER]},), 200)):
        bind(iam, *bindings)
        assert explained(iam, MEMBER, "cloudtasks.queues.get")["granted"] is (status == 200)
        assert iam.http("GET", f"/v2/{QUEUE}", headers=held)[0] == status


def test_the_owner_needs_no_binding(iam: KumoProcess) -> None:
    answer = explained(iam, "kumo-owner@kumo-local.iam.gserviceaccount.com", "kumo.server.control", PROJECT)
    assert (answer["granted"], answer["reason"]) == (True, "OWNER")


def test_everybody_may_do_everything_where_nobody_is_asked(server: KumoProcess) -> None:
    status, answer = asked(server, {}, member="user:a@b", permission=CREATE, resource=QUEUE)
    expected = {"member": "user:a@b", "permission": CREATE, "resource": QUEUE, "granted": True, "reason": "AUTH_OFF"}
    assert (status, answer) == (200, expected)
    status, answer = server.http("POST", "/kumo/v1/keys:rotate")
    assert (status, len(cast(list[object], answer["retired"]))) == (200, 1)


@pytest.mark.parametrize(
    ("member", "permission", "resource", "told"),
    [
        ("", CREATE, QUEUE, "member"),
        ("ann", CREATE, QUEUE, "Invalid member"),
        ("user:a b@c", CREATE, QUEUE, "Invalid member"),
        ("allUsers", "", QUEUE, "permission"),
        ("allUsers", "create", QUEUE, "Invalid permission"),
        ("allUsers", "cloudtasks.tasks.*", QUEUE, "Invalid permission"),
        ("allUsers", CREATE, "mail", "Invalid resource"),
        ("allUsers", CREATE, "projects/", "Invalid resource"),
        ("allUsers", CREATE, f"{QUEUE}/../x y", "Invalid resource"),
        ("\ud800@b", CREATE, QUEUE, "not text"),
    ],
)
def test_a_question_that_is_none_is_a_wrong_call(
    member: str, permission: str, resource: str, told: str, iam: KumoProcess
) -> None:
    question = {"member": member, "permission": permission, "resource": resource}
    query = urlencode(question, errors="surrogatepass")
    status, answer = iam.http("GET", f"/kumo/v1/iam:explain?{query}", headers=owner(iam))
    assert status == 400
    assert told in json.dumps(answer)


def test_a_question_that_is_put_twice_is_a_wrong_call(iam: KumoProcess) -> None:
    query = f"member=allUsers&member=user:a@b&permission={CREATE}&resource={QUEUE}"
    assert iam.http("GET", f"/kumo/v1/iam:explain?{query}", headers=owner(iam))[0] == 400
