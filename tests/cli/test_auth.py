"""`kumo auth`: keys that are kept, and tokens that their accounts get."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from requests import Session

from kumotasks.cli.client import Client, endpoint_at
from tests.cli.lines import Kumo, lines_to
from tests.running import KumoProcess, missing, running

OWNER = "kumo-owner@kumo-local.iam.gserviceaccount.com"
ACCOUNTS = "/v1/projects/kumo-local/serviceAccounts"
AUDIENCE = "https://worker.example"
EPILOG = "\nTo set the active account, run:\n    $ kumo auth login `ACCOUNT`\n\n"


def address(account: str) -> str:
    return f"{account}@kumo-local.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("iam"), "--auth", "iam", "--queue", "mail") as server:
        yield server


@pytest.fixture
def kumo(iam: KumoProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kumo:
    line = lines_to(iam, tmp_path / "home", monkeypatch, capsys)
    monkeypatch.delenv("KUMO_CORE_PROJECT")
    return line


def key_of(iam: KumoProcess, account: str, folder: Path) -> Path:
    """An account, and a file that has its key: it has one of a few."""
    made, path = iam.directory / f"{account}.json", folder / f"{account}.json"
    if not made.exists():
        owner = Client(endpoint_at(f"http://{iam.address}"))
        owner.call("POST", ACCOUNTS, body={"accountId": account})
        key = owner.call("POST", f"{ACCOUNTS}/{address(account)}/keys", body={})
        made.write_bytes(base64.b64decode(str(key["privateKeyData"])))
    path.write_bytes(made.read_bytes())
    return path


def claims_of(iam: KumoProcess, token: str) -> dict[str, Any]:
    """What a library that knows nothing of Kumo reads in an identity token."""
    with Session() as session:
        certificates = f"http://{iam.address}/oauth2/v3/certs"
        claims: dict[str, Any] = id_token.verify_token(token, Request(session), AUDIENCE, certificates)
        return claims


def test_an_activated_key_is_what_calls_are_made_with(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    sender = address("sender")
    path = key_of(iam, "sender", tmp_path)
    line = ("auth", "activate-service-account", f"--key-file={path}", "--project=kumo-local")
    assert kumo(*line) == (0, "", f"Activated service account credentials for: [{sender}]\n")
    path.unlink()
    assert kumo("auth", "list") == (
        0,
        f"Credentialed Accounts\nACTIVE  ACCOUNT\n*       {sender}\n".replace("Cred", " " * centred(sender) + "Cred"),
        EPILOG,
    )
    assert kumo("config", "get-value", "account")[1] == f"{sender}\n"
    assert kumo("config", "get-value", "project")[1] == "kumo-local\n"
    code, _, err = kumo("tasks", "queues", "list")
    assert code == 1
    assert sender in err
    claims = claims_of(iam, kumo("auth", "print-identity-token", f"--audiences={AUDIENCE}")[1].strip())
    assert (claims["email"], claims["iss"]) == (sender, "https://accounts.google.com")


def centred(account: str) -> int:
    """Spaces in front of the title of a table of accounts."""
    size = len("ACTIVE") + 2 + len(account) - len("Credentialed Accounts")
    return size // 2 + (size & (len("ACTIVE") + 2 + len(account)) & 1)


def test_what_is_kept_is_for_nobody_elses_eyes(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    kumo("auth", "activate-service-account", f"--key-file={key_of(iam, 'sender', tmp_path)}")
    folder = tmp_path / "home" / "credentials"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / f"{address('sender')}.json").stat().st_mode) == 0o600


def test_an_access_token_opens_what_the_account_may(kumo: Kumo, iam: KumoProcess) -> None:
    token = kumo("auth", "print-access-token")[1]
    assert token.count("\n") == 1
    headers = {"authorization": f"Bearer {token.strip()}"}
    assert iam.http("GET", "/v2/projects/kumo-local/locations/us-central1/queues", headers=headers)[0] == 200
    asked = kumo("auth", "print-access-token", "--scopes=https://www.googleapis.com/auth/cloud-platform")[1].strip()
    _, info = iam.http("GET", f"/tokeninfo?access_token={asked}")
    assert info["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert list(json.loads(kumo("auth", "print-access-token", "--format=json")[1])) == ["token"]


def test_login_is_as_the_owner(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    kumo("auth", "activate-service-account", f"--key-file={key_of(iam, 'sender', tmp_path)}")
    code, out, err = kumo("auth", "login")
    assert (code, out) == (0, "")
    assert err == (
        f"\nYou are now logged in as [{OWNER}].\n"
        "Your current project is [kumo-local].  You can change this setting by running:\n"
        "  $ kumo config set project PROJECT_ID\n"
    )
    assert kumo("tasks", "queues", "list", "--format=value(name)")[1] == "mail\n"
    assert kumo("auth", "list", "--filter=status:ACTIVE", "--format=value(account)")[1] == f"{OWNER}\n"
    assert kumo("auth", "list", "--format=value(account)")[1].split() == [OWNER, address("sender")]


def test_login_takes_a_key_that_is_kept_already(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    sender = address("sender")
    kumo("auth", "activate-service-account", f"--key-file={key_of(iam, 'sender', tmp_path)}")
    kumo("auth", "login")
    code, _, err = kumo("auth", "login", sender)
    assert code == 0
    assert err.startswith(f"WARNING: Re-using locally stored credentials for [{sender}].")
    assert kumo("auth", "list", "--filter-account", sender, "--format=value(status)")[1] == "*\n"
    code, _, err = kumo("auth", "login", "nobody@kumo-local.iam.gserviceaccount.com")
    assert code == 1
    assert "No key of [nobody@kumo-local.iam.gserviceaccount.com] is kept here." in err
    for flag in ("--cred-file", "--key-file"):
        code, _, err = kumo("auth", "login", f"{flag}={key_of(iam, 'another', tmp_path)}")
        assert code == 0
        assert err.startswith(f"\nAuthenticated with service account credentials for: [{address('another')}].\n")


def test_a_token_of_an_account_that_is_named(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    kumo("auth", "activate-service-account", f"--key-file={key_of(iam, 'sender', tmp_path)}")
    kumo("auth", "login")
    words = ("auth", "print-identity-token", f"--audiences={AUDIENCE}")
    assert claims_of(iam, kumo(*words)[1].strip())["email"] == OWNER
    assert claims_of(iam, kumo(*words, address("sender"))[1].strip())["email"] == address("sender")
    code, _, err = kumo(*words, "x@y.z")
    assert code == 1
    assert "Your current active account [x@y.z] does not have any valid credentials\n" in err


def test_impersonation_makes_tokens_of_another_account(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    key_of(iam, "sender", tmp_path)
    whom = f"--impersonate-service-account={address('sender')}"
    code, token, err = kumo("auth", "print-identity-token", f"--audiences={AUDIENCE}", whom, "--include-email")
    assert code == 0
    assert err.startswith("WARNING: This command is using service account impersonation.")
    assert claims_of(iam, token.strip())["email"] == address("sender")
    _, token, _ = kumo("auth", "print-access-token", whom, "--lifetime=10m")
    _, info = iam.http("GET", f"/tokeninfo?access_token={token.strip()}")
    assert 0 < int(str(info["expires_in"])) <= 600


def test_without_an_audience_a_token_is_for_gcloud_itself(kumo: Kumo) -> None:
    token = kumo("auth", "print-identity-token")[1].strip()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == "32555940559.apps.googleusercontent.com"


def test_a_revoked_key_is_forgotten(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    sender = address("sender")
    kumo("auth", "activate-service-account", f"--key-file={key_of(iam, 'sender', tmp_path)}")
    code, out, err = kumo("auth", "revoke")
    assert (code, out) == (0, f"Revoked credentials:\n - {sender}\n")
    assert f"[{sender}] appears to be a service account." in err
    assert kumo("auth", "list") == (
        0,
        "",
        "\nNo credentialed accounts.\n\nTo login, run:\n  $ kumo auth login `ACCOUNT`\n\n",
    )
    assert list((tmp_path / "home" / "credentials").glob("*.json")) == []
    assert kumo("config", "get-value", "account")[1] == ""
    assert kumo("auth", "revoke")[2].endswith("Invalid value for [accounts]: No credentials available to revoke.\n")
    assert kumo("auth", "revoke", "a@b")[::2] == (1, "ERROR: (kumo.auth.revoke) Unknown value for [accounts]: a@b\n")


def test_calls_can_be_made_as_another_account_by_who_may(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    whom = f"--impersonate-service-account={address('sender')}"
    key_of(iam, "sender", tmp_path)
    code, out, err = kumo("iam", "service-accounts", "list", whom)
    assert (code, out) == (1, "")
    assert "iam.serviceAccounts.list" in err
    assert f"The call was made as {address('sender')}." in err
    poor = f"--key-file={key_of(iam, 'another', tmp_path)}"
    refused = kumo("tasks", "queues", "list", whom, poor)[2]
    assert "iam.serviceAccounts.getAccessToken" in refused
    assert f"The call was made as {address('another')}." in refused


def test_several_keys_are_revoked_by_name_or_none_of_them(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    for account in ("sender", "another", "wanderer"):
        kumo("auth", "activate-service-account", f"--key-file={key_of(iam, account, tmp_path)}")
    sender, another, third = map(address, ("sender", "another", "wanderer"))
    unknown = kumo("auth", "revoke", sender, "a@b", "c@d")
    assert unknown == (1, "", "ERROR: (kumo.auth.revoke) Unknown value for [accounts]: a@b c@d\n")
    assert kumo("auth", "revoke", sender, third, sender)[1] == f"Revoked credentials:\n - {sender}\n - {third}\n"
    assert kumo("auth", "list", "--format=value(account)")[1] == f"{another}\n"


def test_all_keys_are_revoked_at_once_and_those_elsewhere_stay_where_they_are(
    kumo: Kumo, iam: KumoProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kumo("auth", "activate-service-account", f"--key-file={key_of(iam, 'sender', tmp_path)}")
    kumo("auth", "login")
    elsewhere = key_of(iam, "another", tmp_path)
    monkeypatch.setenv("KUMO_KEY_FILE", str(elsewhere))
    assert kumo("auth", "list", "--filter=status:ACTIVE", "--format=value(account)")[1] == f"{address('another')}\n"
    assert kumo("auth", "revoke", "--all")[0] == 0
    assert elsewhere.is_file()
    assert list((tmp_path / "home" / "credentials").glob("*.json")) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "The .json key file is not in a valid format"),
        ('{"type": "authorized_user"}', "it is of type 'authorized_user'"),
        (
            '{"type": "service_account", "client_email": "a@b", "private_key_id": "x", "private_key": "y"}',
            "private key",
        ),
    ],
)
def test_a_file_that_is_no_key_is_said_so(kumo: Kumo, tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "key.json").write_text(content)
    code, out, err = kumo("auth", "activate-service-account", f"--key-file={tmp_path / 'key.json'}")
    assert (code, out) == (1, "")
    assert sentence in err
    assert not (tmp_path / "home").exists()


def test_a_key_that_the_server_does_not_believe_is_not_kept(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    path = key_of(iam, "sender", tmp_path)
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "client_email": address("somebody")}))
    code, _, err = kumo("auth", "activate-service-account", f"--key-file={path}")
    assert code == 1
    assert "There was a problem refreshing your current auth tokens: ('invalid_grant: " in err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("activate-service-account",), 2, "argument --key-file: Must be specified."),
        (
            ("activate-service-account", "--key-file=/nowhere/key.json"),
            1,
            "Unable to read file [/nowhere/key.json]: No",
        ),
        (("print-access-token", "--lifetime=1h"), 1, "Invalid value for [--lifetime]: Lifetime flag is for service"),
        (("print-access-token", "--lifetime=2d"), 2, "argument --lifetime: value must be less than or equal to 43200s"),
        (("print-identity-token", "--include-email"), 1, "Requires an impersonate service account."),
        (("print-access-token", "--impersonate-service-account=x"), 2, "write an e-mail; received: x"),
    ],
)
def test_a_wrong_line_is_said_as_gcloud_says_it(kumo: Kumo, words: tuple[str, ...], code: int, sentence: str) -> None:
    found, out, err = kumo("auth", *words)
    assert (found, out) == (code, "")
    assert sentence in err


def test_the_account_of_a_line_must_be_the_keys(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    path = key_of(iam, "sender", tmp_path)
    code, _, err = kumo("auth", "activate-service-account", address("another"), f"--key-file={path}")
    assert code == 1
    assert "Invalid value for [ACCOUNT]: The given account name does not match" in err


def test_where_nobody_is_asked_there_is_no_need_to_log_in(
    server: KumoProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kumo = lines_to(server, tmp_path / "home", monkeypatch, capsys)
    assert kumo("auth", "login")[::2] == (
        0,
        f"http://{server.address} asks nobody who he is: there is no need to log in.\n",
    )
    code, out, err = kumo("auth", "print-access-token")
    assert (code, out) == (1, "")
    assert "You do not currently have an active account selected.\nPlease run:\n\n  $ kumo auth login\n" in err


def test_a_variable_that_stands_over_the_configuration_is_told(
    kumo: Kumo, iam: KumoProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = key_of(iam, "another", tmp_path)
    monkeypatch.setenv("KUMO_KEY_FILE", str(elsewhere))
    code, _, err = kumo("auth", "activate-service-account", f"--key-file={key_of(iam, 'sender', tmp_path)}")
    assert code == 0
    assert "WARNING: Property [auth/key_file] is overridden by the variable KUMO_KEY_FILE.\n" in err


def test_the_accounts_that_are_left_are_told(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    for account in ("sender", "another"):
        kumo("auth", "activate-service-account", f"--key-file={key_of(iam, account, tmp_path)}")
    _, out, err = kumo("auth", "revoke", address("sender"))
    assert out == f"Revoked credentials:\n - {address('sender')}\n"
    assert err.endswith(f"ACTIVE  ACCOUNT\n*       {address('another')}\n")
    assert kumo("auth", "list", "--filter=account:nobody")[2].startswith("\nNo credentialed accounts.\n")
    assert kumo("auth", "list", "--format=json") == (
        0,
        f'[\n  {{\n    "account": "{address("another")}",\n    "status": "ACTIVE"\n  }}\n]\n',
        "",
    )


@pytest.mark.parametrize("account", ["../../x@y", "a@b/../../c", "a@b\x00", ".@."])
def test_an_account_is_no_way_out_of_the_folder(kumo: Kumo, tmp_path: Path, account: str) -> None:
    (tmp_path / "x@y.json").write_text("{}")
    code, _, err = kumo("auth", "print-access-token", account)
    assert code == 1
    assert "does not have any valid credentials" in err


def test_gcloud_prints_the_same(kumo: Kumo, iam: KumoProcess, tmp_path: Path) -> None:
    key = f"--key-file={key_of(iam, 'sender', tmp_path)}"
    script = (
        ("auth", "activate-service-account", key),
        ("auth", "list"),
        ("auth", "list", "--filter=status:ACTIVE", "--format=value(account)"),
        ("auth", "revoke"),
        ("auth", "list", "--format=json"),
    )
    for words in script:
        assert kumo(*words)[:2] == gcloud(iam, tmp_path / "gcloud", *words)


def gcloud(server: KumoProcess, home: Path, *words: str) -> tuple[int, str]:
    """Exit code and output."""
    found = shutil.which("gcloud")
    if found is None:
        pytest.skip(missing("gcloud"))
    own = {
        "CLOUDSDK_AUTH_TOKEN_HOST": f"http://{server.address}/token",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CONFIG": str(home),
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        [found, *words], env=os.environ | own, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout
