"""`kumo keys rotate`: new tokens have a new key, and those of before are good."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from requests import Session

from kumotasks.cli.client import Client, endpoint_at
from kumotasks.cli.main import main
from tests.running import KumoProcess, running

OWNER = "kumo-owner@kumo-local.iam.gserviceaccount.com"
MINT = f"/v1/projects/-/serviceAccounts/{OWNER}:generateIdToken"
AUDIENCE = "https://worker.example"


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("iam"), "--auth", "iam") as server:
        yield server


@pytest.fixture(autouse=True)
def _own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "KUMO_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def url(server: KumoProcess) -> str:
    return f"http://{server.address}"


def minted(server: KumoProcess) -> str:
    answer = Client(endpoint_at(url(server))).call("POST", MINT, body={"audience": AUDIENCE, "includeEmail": True})
    return str(answer["token"])


def key_id(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_a_token_of_before_is_good_and_a_new_one_has_the_new_key(
    iam: KumoProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    before = minted(iam)
    assert main(["keys", "rotate", "--endpoint", url(iam)]) == 0
    shown = capsys.readouterr().out
    after = minted(iam)
    found = re.fullmatch(r"signs from now on: ([0-9a-f]{40})\npublished until \S+Z: ([0-9a-f]{40})\n", shown)
    assert found is not None, shown
    assert found.groups() == (key_id(after), key_id(before))
    certificates = f"{url(iam)}/oauth2/v3/certs"
    with Session() as session:
        for token in (before, after):
            claims: Any = id_token.verify_token(token, Request(session), AUDIENCE, certificates)
            key = jwt.PyJWKClient(certificates).get_signing_key_from_jwt(token)
            assert jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE) == claims
            assert claims["email"] == OWNER


def test_json_is_the_servers_answer(iam: KumoProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "rotate", "--json", "--endpoint", url(iam)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["keyId"] == key_id(minted(iam))
    assert answer["keyId"] not in {each["keyId"] for each in answer["retired"]}


def test_a_server_that_asks_nobody_turns_its_keys_too(server: KumoProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "rotate", "--endpoint", url(server)]) == 0
    assert capsys.readouterr().out.startswith("signs from now on: ")


def test_who_may_not_is_told_so(iam: KumoProcess, capsys: pytest.CaptureFixture[str]) -> None:
    owner, before = Client(endpoint_at(url(iam))), key_id(minted(iam))
    accounts, email = "/v1/projects/kumo-local/serviceAccounts", "sender@kumo-local.iam.gserviceaccount.com"
    owner.call("POST", accounts, body={"accountId": "sender"})
    made = owner.call("POST", f"{accounts}/{email}/keys", body={})
    path = iam.directory / "sender.json"
    path.write_bytes(base64.b64decode(str(made["privateKeyData"])))
    assert main(["keys", "rotate", "--endpoint", url(iam), "--key-file", str(path)]) == 1
    told = capsys.readouterr().err
    assert "kumo.server.control" in told
    assert email in told
    assert key_id(minted(iam)) == before


def test_a_server_that_is_not_there_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "rotate", "--endpoint", "http://127.0.0.1:9"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1


def test_its_help_has_an_example_that_runs(server: KumoProcess) -> None:
    line = [sys.executable, "-m", "kumotasks.cli.main", "keys", "rotate"]
    done = subprocess.run([*line, "--help"], capture_output=True, text=True, timeout=60, check=True)
    (example,) = re.findall(r"^  kumo keys rotate (.+)$", done.stdout, re.MULTILINE)
    words = example.replace("http://127.0.0.1:8123", url(server)).split()
    subprocess.run([*line, *words], capture_output=True, timeout=60, check=True)
