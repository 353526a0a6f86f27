"""Tokens on dispatched tasks, checked by the programs that workers check them with, and where they must never show."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request as Transport
from google.oauth2 import id_token
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from requests.adapters import HTTPAdapter

from kumotasks.domain.account import derived_unique_id
from tests.calls import RawGrpc
from tests.clients import test_node
from tests.end_to_end.stage import HOUR, Stage, statuses
from tests.running import Answer, Arrival, KumoProcess, RecordingWorker, running

ISSUER = "https://accounts.google.com"
EMAIL = "sender@stage.iam.gserviceaccount.com"
EVERYTHING = "https://www.googleapis.com/auth/cloud-platform"
AUDIENCE = "https://worker.example"
OIDC = {"serviceAccountEmail": EMAIL, "audience": AUDIENCE}

node = test_node.node  # the fixture

Claims = dict[str, Any]


class Mapped(HTTPAdapter):
    """Takes what is meant for Google to the server, under Google's name."""

    def __init__(self, server: KumoProcess) -> None:
        super().__init__()
        self._server = server

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        parts = urllib.parse.urlsplit(str(request.url))
        request.headers["Host"] = parts.netloc
        request.url = parts._replace(scheme="http", netloc=self._server.address).geturl()
        return super().send(request, *args, **options)


@pytest.fixture(scope="module")
def transport(kumo: KumoProcess) -> Iterator[Transport]:
    """As google-auth talks to Google."""
    with requests.Session() as session:
        session.mount("https://www.googleapis.com/", Mapped(kumo))
        yield Transport(session)


def bearer(arrival: Arrival) -> str:
    kind, _, token = arrival.headers["authorization"].partition(" ")
    assert kind == "Bearer"
    return token


def sent(stage: Stage, **request: object) -> str:
    """The token of a task that goes out with `request`."""
    before = len(stage.worker.arrivals)
    stage.create(httpRequest=request)
    stage.settle()
    (arrival,) = stage.worker.arrivals[before:]
    return bearer(arrival)


def claims_of(token: str) -> Claims:
    """Unverified."""
    return jwt.decode(token, options={"verify_signature": False})


# who checks them

Verify = Callable[[str, KumoProcess, Transport], Claims]


def google_auth(token: str, server: KumoProcess, transport: Transport) -> Claims:
    return dict(id_token.verify_oauth2_token(token, transport, AUDIENCE))


def google_auth_by_certificates(token: str, server: KumoProcess, transport: Transport) -> Claims:
    certificates = "https://www.googleapis.com/oauth2/v1/certs"
    return dict(id_token.verify_token(token, transport, AUDIENCE, certs_url=certificates))


def google_auth_by_key_set(token: str, server: KumoProcess, transport: Transport) -> Claims:
    keys = f"http://{server.address}/oauth2/v3/certs"  # which it fetches a second time by itself, past the transport
    return dict(id_token.verify_token(token, transport, AUDIENCE, certs_url=keys))


def pyjwt(token: str, server: KumoProcess, transport: Transport) -> Claims:
    key = jwt.PyJWKClient(f"http://{server.address}/oauth2/v3/certs").get_signing_key_from_jwt(token)
    required = {"require": ["iss", "aud", "sub", "iat", "exp"]}
    return dict(jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER, options=required))


def joserfc(token: str, server: KumoProcess, transport: Transport) -> Claims:
    status, keys = server.http("GET", "/oauth2/v3/certs")
    assert status == 200
    decoded = joserfc_jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"])  # type: ignore[arg-type]
    wanted = {"iss": {"value": ISSUER}, "aud": {"value": AUDIENCE}, "exp": {"essential": True}}
    joserfc_jwt.JWTClaimsRegistry(**wanted).validate(decoded.claims)
    return dict(decoded.claims)


def discovered(token: str, server: KumoProcess, transport: Transport) -> Claims:
    """From the issuer's discovery document on."""
    _, document = server.http("GET", "/.well-known/openid-configuration")
    assert document["issuer"] == ISSUER
    where = urllib.parse.urlsplit(str(document["jwks_uri"])).path
    key = jwt.PyJWKClient(f"http://{server.address}{where}").get_signing_key_from_jwt(token)
    return dict(jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER))


VERIFIERS: list[Verify] = [
    google_auth,
    google_auth_by_certificates,
    google_auth_by_key_set,
    pyjwt,
    joserfc,
    discovered,
]


@pytest.mark.parametrize("verify", VERIFIERS)
def test_a_worker_believes_an_id_token(verify: Verify, stage: Stage, kumo: KumoProcess, transport: Transport) -> None:
    claims = verify(sent(stage, oidcToken=OIDC), kumo, transport)
    unique_id = derived_unique_id(EMAIL)
    issued = claims["iat"]
    assert claims == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "azp": unique_id,
        "sub": unique_id,
        "email": EMAIL,
        "email_verified": True,
        "iat": issued,
        "exp": issued + HOUR,
    }


@pytest.mark.parametrize("verify", VERIFIERS)
@pytest.mark.parametrize("part", [0, 1, 2])
def test_and_does_not_believe_one_that_was_changed(
    part: int, verify: Verify, stage: Stage, kumo: KumoProcess, transport: Transport
) -> None:
    parts = sent(stage, oidcToken=OIDC).split(".")
    if part == 0:
        parts[0] = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    elif part == 1:
        claims = {**claims_of(".".join(parts)), "email": "owner@stage.iam.gserviceaccount.com"}
        parts[1] = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    else:
        parts[2] = parts[2][:100] + ("A" if parts[2][100] != "A" else "B") + parts[2][101:]
    refusals = (GoogleAuthError, ValueError, jwt.PyJWTError, JoseError)
    with pytest.raises(refusals):
        verify(".".join(parts), kumo, transport)


def test_a_worker_on_node_believes_it(node: str, stage: Stage, kumo: KumoProcess) -> None:
    token = sent(stage, oidcToken=OIDC)
    command = [node, "verify.mjs", f"http://{kumo.address}", token, AUDIENCE]
    done = subprocess.run(command, cwd=test_node.HERE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == claims_of(token)


def test_the_keys_may_be_cached_and_are_not_for_long(kumo: KumoProcess) -> None:
    for path in ("/oauth2/v1/certs", "/oauth2/v3/certs"):
        with urllib.request.urlopen(f"http://{kumo.address}{path}") as answer:
            assert "public, max-age=" in answer.headers["Cache-Control"]


# what they are for


def test_an_audience_left_open_is_the_url_that_is_called(stage: Stage) -> None:
    stage.create(path="/a/b?c=d", httpRequest={"oidcToken": {"serviceAccountEmail": EMAIL}})
    stage.settle()
    (arrival,) = stage.worker.arrivals
    assert claims_of(bearer(arrival))["aud"] == stage.worker.url + "/a/b?c=d"


def test_an_audience_left_open_follows_the_queues_url(stage: Stage) -> None:
    port = int(stage.worker.url.rpartition(":")[2])
    override = {"scheme": "HTTP", "host": "localhost", "port": port, "pathOverride": {"path": "/queue"}}
    stage.set("httpTarget.uriOverride", httpTarget={"uriOverride": override})
    token = sent(stage, oidcToken={"serviceAccountEmail": EMAIL})
    assert claims_of(token)["aud"] == f"http://localhost:{port}/queue"


def test_the_queues_token_wins_over_the_tasks_and_over_headers_by_hand(stage: Stage) -> None:
    target = {
        "headerOverrides": [{"header": {"key": "authorization", "value": "Basic queue"}}],
        "oidcToken": {"serviceAccountEmail": "queue@stage.iam.gserviceaccount.com", "audience": "https://own.example"},
    }
    stage.set("httpTarget", httpTarget=target)
    token = sent(stage, oauthToken={"serviceAccountEmail": EMAIL}, headers={"Authorization": "Basic task"})
    claims = claims_of(token)
    assert (claims["email"], claims["aud"]) == ("queue@stage.iam.gserviceaccount.com", "https://own.example")


@pytest.mark.parametrize(
    ("asked", "scopes"),
    [({}, EVERYTHING), ({"scope": "https://www.googleapis.com/auth/userinfo.email a"}, None)],
)
def test_an_access_token_is_for_the_scopes_asked_for(
    asked: dict[str, str], scopes: str | None, stage: Stage, kumo: KumoProcess
) -> None:
    token = sent(stage, oauthToken={"serviceAccountEmail": EMAIL, **asked})
    assert token.startswith("ya29.")
    status, info = kumo.http("GET", f"/tokeninfo?access_token={token}")
    assert status == 200, info
    assert info["azp"] == derived_unique_id(EMAIL)
    assert str(info["scope"]).split() == (scopes or asked["scope"]).split()


def test_attempts_share_a_token_and_audiences_do_not(stage: Stage) -> None:
    stage.worker.answer = statuses(500, 500)
    stage.retries(minBackoff="1s", maxAttempts=5)
    stage.create("again", httpRequest={"oidcToken": OIDC})
    stage.settle()
    stage.advance(60)
    tokens = {bearer(arrival) for arrival in stage.worker.wait_for(3)}
    assert len(tokens) == 1
    other = sent(stage, oidcToken={**OIDC, "audience": "https://other.example"})
    assert other not in tokens


def test_a_redirect_to_another_origin_arrives_without_the_token(stage: Stage) -> None:
    elsewhere = RecordingWorker()
    try:
        stage.worker.answer = lambda arrival: Answer(307, {"Location": f"{elsewhere.url}/on"})
        token = sent(stage, oidcToken=OIDC)
        (arrival,) = elsewhere.arrivals
        assert arrival.path == "/on"
        assert token not in repr(arrival)
        assert "authorization" not in arrival.headers
    finally:
        elsewhere.close()


def test_an_app_engine_task_carries_none(tmp_path: Path, worker: RecordingWorker) -> None:
    config = tmp_path / "kumo.toml"
    config.write_text(f'app_engine_host = "{worker.url.removeprefix("http://")}"\n')
    with running(tmp_path, "--clock", "manual", "--config", str(config)) as process:
        client = RawGrpc(process.address)
        try:
            stage = Stage(process, client, worker, "app-engine")
            stage.set("httpTarget.oidcToken", httpTarget={"oidcToken": OIDC})
            stage.call("CreateTask", parent=stage.queue, task={"appEngineHttpRequest": {}})
            stage.settle()
        finally:
            client.close()
    assert "authorization" not in worker.arrivals[0].headers


# what stays


def test_a_token_from_before_a_crash_is_believed_after_it(tmp_path: Path, worker: RecordingWorker) -> None:
    with running(tmp_path, "--clock", "manual") as process:
        before = one_token(process, worker)
        process.kill()
        process.start()
        after = one_token(process, worker, "other")
        for token in (before, after):
            assert pyjwt(token, process, None)["email"] == EMAIL  # type: ignore[arg-type]
        assert jwt.get_unverified_header(before)["kid"] == jwt.get_unverified_header(after)["kid"]


def one_token(process: KumoProcess, worker: RecordingWorker, queue: str = "q") -> str:
    client = RawGrpc(process.address)
    try:
        return sent(Stage(process, client, worker, queue), oidcToken=OIDC)
    finally:
        client.close()


# where they must never show


def test_a_token_is_seen_by_its_worker_and_nowhere_else(tmp_path: Path, worker: RecordingWorker) -> None:
    """Not in the log, the store's files or any answer; even where the worker sends it back, and where the store reads
    what was written."""

    def echo(arrival: Arrival) -> Answer:
        token = arrival.headers.get("authorization", "")
        return Answer(500, {"X-Echo": token, "Retry-After": token[:1000]}, token.encode())

    worker.answer = echo
    with running(tmp_path, "--clock", "manual", "--log", "debug") as process:
        client = RawGrpc(process.address)
        try:
            stage = Stage(process, client, worker, "secret")
            names = [
                stage.create("id", httpRequest={"oidcToken": OIDC}),
                stage.create("access", httpRequest={"oauthToken": {"serviceAccountEmail": EMAIL}}),
            ]
            stage.settle()
            answers = [stage.ask("GetTask", name=name, responseView="FULL") for name in names]
            answers.append(stage.ask("ListTasks", parent=stage.queue, responseView="FULL"))
            answers.append(stage.ask("GetQueue", name=stage.queue))
            pages = [page(process, path) for path in ("/metrics", "/healthz", f"/v2/{names[0]}?responseView=FULL")]
        finally:
            client.close()
        assert process.stop() == 0
    tokens = {bearer(arrival) for arrival in worker.arrivals}
    assert len(tokens) == 2
    shown = "\n".join(map(repr, answers)) + "\n".join(pages)
    assert '"dispatchCount": 1' in shown  # it was looked at after the attempt
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"server.log", "kumo.db"} <= {path.name for path in files}
    for token in tokens:
        for piece in (token, token[-60:], token[40:100]):
            assert piece not in shown
            assert [path for path in files if piece.encode() in path.read_bytes()] == []


def page(process: KumoProcess, path: str) -> str:
    with urllib.request.urlopen(f"http://{process.address}{path}") as answer:
        return str(answer.read().decode())
