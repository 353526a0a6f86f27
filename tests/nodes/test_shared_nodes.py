"""Two nodes are one installation: a right, a key or a token changed on one is changed on the other within a second."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.oauth2 import id_token

from tests.nodes.pair import (
    SECRET,
    Pair,
    access_token,
    call,
    done,
    node,
    owner_key,
    pair,
    signed,
    within_a_second,
)
from tests.postgres import postgres
from tests.running import KumoProcess

PROJECT = "projects/kumo-local"
QUEUES = f"/v2/{PROJECT}/locations/us-central1/queues"
EMAIL = "sender@kumo-local.iam.gserviceaccount.com"
ACCOUNTS = f"/v1/{PROJECT}/serviceAccounts"
POLICY = f"/v1/{PROJECT}"
DECLARED = f"""
queue = ["plain"]
queues = [{{name = "described", rateLimits = {{maxConcurrentDispatches = 3}}}}]
service_accounts = [{{id = "sender"}}]

[[bindings]]
role = "roles/cloudtasks.viewer"
members = ["serviceAccount:{EMAIL}"]

[[bindings]]
role = "roles/cloudtasks.enqueuer"
members = ["serviceAccount:{EMAIL}"]
"""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("pair"), "--auth", "iam") as nodes:
        yield nodes


@pytest.fixture(scope="module")
def owner(nodes: Pair) -> str:
    return signed(owner_key(nodes.one))


@pytest.fixture
def sender(nodes: Pair, owner: str) -> Iterator[dict[str, Any]]:
    """The key file of an account made on one node that may do nothing."""
    done(nodes.one, owner, "POST", ACCOUNTS, {"accountId": "sender"})
    made = done(nodes.one, owner, "POST", f"{ACCOUNTS}/{EMAIL}/keys", {})
    yield json.loads(base64.b64decode(made["privateKeyData"]))
    call(nodes.one, owner, "DELETE", f"{ACCOUNTS}/{EMAIL}")


def grant(kumo: KumoProcess, owner: str, *members: str) -> None:
    bindings = [{"role": "roles/cloudtasks.viewer", "members": list(members)}] if members else []
    done(kumo, owner, "POST", f"{POLICY}:setIamPolicy", {"policy": {"bindings": bindings}})


def status(kumo: KumoProcess, token: str) -> int:
    """Of a call that needs a right."""
    return call(kumo, token, "GET", QUEUES)[0]


def key_ids(kumo: KumoProcess) -> list[str]:
    keys = kumo.http("GET", "/oauth2/v3/certs")[1]["keys"]
    assert isinstance(keys, list)
    return [key["kid"] for key in keys]


def test_the_owner_of_one_node_is_the_owner_of_the_other(nodes: Pair, owner: str) -> None:
    assert owner_key(nodes.one)["private_key_id"] == owner_key(nodes.other)["private_key_id"]
    assert status(nodes.other, owner) == 200
    assert status(nodes.one, access_token(owner_key(nodes.other))) == 200


def test_a_right_given_and_taken_on_one_node_is_so_on_the_other(
    nodes: Pair, owner: str, sender: dict[str, Any]
) -> None:
    token = signed(sender)
    within_a_second(lambda: status(nodes.other, token) == 403)
    grant(nodes.one, owner, f"serviceAccount:{EMAIL}")
    assert status(nodes.one, token) == 200
    within_a_second(lambda: status(nodes.other, token) == 200)
    grant(nodes.one, owner)
    assert status(nodes.one, token) == 403
    within_a_second(lambda: status(nodes.other, token) == 403)


def test_a_key_that_was_removed_opens_no_node(nodes: Pair, owner: str, sender: dict[str, Any]) -> None:
    grant(nodes.one, owner, f"serviceAccount:{EMAIL}")
    token = signed(sender)
    within_a_second(lambda: status(nodes.other, token) == 200)
    done(nodes.one, owner, "DELETE", f"{ACCOUNTS}/{EMAIL}/keys/{sender['private_key_id']}")
    within_a_second(lambda: status(nodes.other, token) == 401)


def test_an_account_that_was_made_again_has_no_rights_of_the_old_one_anywhere(
    nodes: Pair, owner: str, sender: dict[str, Any]
) -> None:
    grant(nodes.one, owner, f"serviceAccount:{EMAIL}")
    token = access_token({**sender, "token_uri": owner_key(nodes.one)["token_uri"]})
    within_a_second(lambda: status(nodes.other, token) == 200)
    done(nodes.one, owner, "DELETE", f"{ACCOUNTS}/{EMAIL}")
    within_a_second(lambda: status(nodes.other, token) == 401)
    done(nodes.other, owner, "POST", ACCOUNTS, {"accountId": "sender"})
    made = done(nodes.other, owner, "POST", f"{ACCOUNTS}/{EMAIL}/keys", {})
    again = signed(json.loads(base64.b64decode(made["privateKeyData"])))
    assert status(nodes.other, again) == 403
    within_a_second(lambda: status(nodes.one, again) == 403)
    assert status(nodes.one, token) == 401


def test_a_token_of_one_node_is_believed_by_the_other_until_it_is_taken_back(nodes: Pair) -> None:
    token = access_token(owner_key(nodes.one))
    assert status(nodes.other, token) == 200
    assert nodes.one.http("POST", f"/revoke?token={token}", b"")[0] == 200
    within_a_second(lambda: status(nodes.other, token) == 401)


def test_every_node_publishes_the_same_keys_also_after_a_rotation_on_any(nodes: Pair, owner: str) -> None:
    before = key_ids(nodes.one)
    assert key_ids(nodes.other) == before
    for turned, seeing in ((nodes.one, nodes.other), (nodes.other, nodes.one)):
        new = done(turned, owner, "POST", "/kumo/v1/keys:rotate", {})["keyId"]
        within_a_second(lambda new=new, seeing=seeing: key_ids(seeing)[0] == new)  # type: ignore[misc]
        assert set(before) <= set(key_ids(seeing))
        assert key_ids(turned) == key_ids(seeing)


def test_what_one_node_signs_the_other_ones_published_keys_verify(
    nodes: Pair, owner: str, sender: dict[str, Any]
) -> None:
    path = f"/v1/projects/-/serviceAccounts/{EMAIL}:generateIdToken"
    token = done(nodes.one, owner, "POST", path, {"audience": "https://worker", "includeEmail": True})["token"]
    certificates = nodes.other.http("GET", "/oauth2/v1/certs")[1]
    claims = id_token.jwt.decode(token, certs=certificates, audience="https://worker")
    assert claims["email"] == EMAIL


def test_a_node_with_another_secret_is_refused(nodes: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUMO_SECRET", SECRET[::-1])
    stranger = node(tmp_path, nodes.url, "--auth", "iam")
    with pytest.raises(AssertionError, match="encrypted with another KUMO_SECRET"):
        stranger.start()
    assert stranger.wait() == 2


@pytest.mark.parametrize(("secret", "said"), [("", "set KUMO_SECRET"), ("short", "at least 16 characters")])
def test_identity_over_postgresql_needs_a_secret(secret: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUMO_SECRET", secret)
    line = [sys.executable, "-m", "kumotasks.cli.main", "serve", "--auth", "iam", "--store", "postgresql://nowhere/db"]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert secret not in ended.stderr or not secret


def test_nodes_that_start_at_once_bring_about_the_same_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation begins with all its nodes: keys, owner, and everything that the file declares."""
    monkeypatch.setenv("KUMO_SECRET", SECRET)
    file = tmp_path / "kumo.toml"
    file.write_text(DECLARED)
    server = postgres()
    database = server.new_database("template0")
    started = [
        node(tmp_path / str(each), server.url(database), "--auth", "iam", "--config", str(file)) for each in range(4)
    ]
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(KumoProcess.start, started))
        assert len({tuple(key_ids(each)) for each in started}) == 1
        assert len({owner_key(each)["private_key_id"] for each in started}) == 1
        owner = signed(owner_key(started[0]))
        for each in started:
            assert len(done(each, owner, "GET", QUEUES)["queues"]) == 2
            policy = done(each, owner, "POST", f"{POLICY}:getIamPolicy", {})
            assert [EMAIL in "".join(binding["members"]) for binding in policy["bindings"]].count(True) == 2
    finally:
        for each in started:
            each.close()
        server.remove(database)


def test_without_identity_nodes_that_share_a_directory_share_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUMO_SECRET", raising=False)
    server = postgres()
    database = server.new_database()
    one, other = (
        KumoProcess(tmp_path, "--store", server.url(database), "--data", str(tmp_path / "data")) for _ in range(2)
    )
    try:
        one.start()
        other.start()
        assert key_ids(one) == key_ids(other)
        assert "KUMO_SECRET is not set" in one.log.read_text()
    finally:
        one.close()
        other.close()
        server.remove(database)
