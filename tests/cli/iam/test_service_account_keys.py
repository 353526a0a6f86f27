"""`kumo iam service-accounts keys`: what each line does and prints, and that a key is good for what it should be."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from kumotasks.cli.client import Client, endpoint_at
from tests.cli.conftest import Said
from tests.cli.iam.test_accounts import made
from tests.running import KumoProcess

GROUP = ("iam", "service-accounts", "keys")


@pytest.fixture
def email(said: Said, project: str) -> str:
    return made(said, project, "sender")


def ids(said: Said, email: str, *words: str) -> list[str]:
    """The keys of an account that its owner made."""
    line = (*GROUP, "list", f"--iam-account={email}", "--managed-by=user", "--format=value(name.basename())")
    return said(*line, *words)[1].split()


def created(said: Said, email: str, written: str = "key.json") -> str:
    """The id of a new key in a file."""
    assert said(*GROUP, "create", written, f"--iam-account={email}")[0] == 0
    return str(json.loads(Path(written).read_text())["private_key_id"])


def test_a_key_is_written_for_its_owners_eyes_only(said: Said, email: str, project: str) -> None:
    file = f"./key-{project}.json"
    code, out, err = said(*GROUP, "create", file, f"--iam-account={email}", "--key-file-type=json")
    key = json.loads(Path(file).read_text())
    assert (code, out) == (0, "")
    assert err == f"created key [{key['private_key_id']}] of type [json] as [{file}] for [{email}]\n"
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
    assert (key["type"], key["client_email"], key["project_id"]) == ("service_account", email, project)
    assert ids(said, email) == [key["private_key_id"]]


def test_a_file_that_others_could_read_is_closed_to_them(said: Said, email: str) -> None:
    Path("open.json").write_text("old")
    Path("open.json").chmod(0o644)
    Path("link.json").symlink_to("open.json")
    key = created(said, email, "link.json")
    assert json.loads(Path("open.json").read_text())["private_key_id"] == key
    assert stat.S_IMODE(Path("open.json").stat().st_mode) == 0o600
    assert Path("link.json").is_symlink()
    created(said, email, "new/folder/key.json")


def test_a_key_goes_to_the_standard_output(said: Said, email: str) -> None:
    code, out, err = said(*GROUP, "create", "-", f"--iam-account={email}")
    assert (code, json.loads(out)["client_email"]) == (0, email)
    assert f"of type [json] as [-] for [{email}]" in err


def test_a_key_that_cannot_be_written_is_not_made(said: Said, email: str) -> None:
    for written in (".", "/proc/none/key.json"):
        code, _, err = said(*GROUP, "create", written, f"--iam-account={email}")
        assert code == 1
        assert err.startswith(f"ERROR: (kumo.iam.service-accounts.keys.create) Unable to write file [{written}]: ")
    assert ids(said, email) == []


def test_a_key_whose_writing_fails_is_deleted_again(said: Said, email: str) -> None:
    code, _, err = said(*GROUP, "create", "/dev/full", f"--iam-account={email}")
    assert code == 1
    assert err.endswith("Unable to write file [/dev/full]: No space left on device\n")
    assert ids(said, email) == []
    assert Path("/dev/full").is_char_device()


def test_a_list_has_gclouds_columns_and_kinds(said: Said, email: str) -> None:
    key = created(said, email)
    line = (*GROUP, "list", f"--iam-account={email}")
    rows = said(*line)[1].splitlines()
    assert rows[0].split() == ["KEY_ID", "CREATED_AT", "EXPIRES_AT", "DISABLED", "DISABLE_REASON", "EXTENDED_STATUS"]
    every = {row.split()[0] for row in rows[1:]}
    system = said(*line, "--managed-by=system", "--format=value(name.basename())")[1].split()
    assert every == {key, *system}
    assert key not in system
    assert ids(said, email, "--created-before=2020-01-01T00:00:00Z") == []
    assert ids(said, email, "--created-before=2999-01-01") == [key]
    assert said(*line, "--created-before=soon")[0] == 2


def test_keys_are_switched_and_deleted(said: Said, email: str, project: str) -> None:
    key = created(said, email)
    of = f"--iam-account={email}"
    done = f"key [{key}] for service account [{email}]"
    assert said(*GROUP, "disable", key, of) == (0, "", f"Disabled {done}.\n")
    assert said(*GROUP, "list", of, "--filter=disabled=true", "--format=value(disableReason)")[1].startswith("SERVICE_")
    assert (
        said(*GROUP, "enable", f"projects/{project}/serviceAccounts/{email}/keys/{key}", of)[2] == f"Enabled {done}.\n"
    )
    assert said(*GROUP, "delete", key, of) == (0, "", f"deleted {done}\n")
    assert "NOT_FOUND: " in said(*GROUP, "delete", key, of)[2]


def test_a_public_half_is_read_and_one_of_anothers_making_uploaded(said: Said, email: str, project: str) -> None:
    key = created(said, email)
    for kind, first in (("pem", "-----BEGIN CERTIFICATE-----"), ("raw", "-----BEGIN PUBLIC KEY-----")):
        line = (*GROUP, "get-public-key", key, f"--iam-account={email}", f"--output-file={kind}", f"--type={kind}")
        assert said(*line) == (0, "", f"written key [{key}] for [{email}] as [{kind}]\n")
        assert Path(kind).read_text().startswith(first)
    other = made(said, project, "another")
    assert said(*GROUP, "delete", key, f"--iam-account={email}")[0] == 0
    code, out, _ = said(*GROUP, "upload", "pem", f"--iam-account={other}", "--format=json")
    assert code == 0
    assert json.loads(out)["keyOrigin"] == "USER_PROVIDED"
    assert "Unable to read file [none.pem]" in said(*GROUP, "upload", "none.pem", f"--iam-account={other}")[2]


def test_a_key_lets_its_account_do_what_it_was_let_and_no_more(
    said: Said, email: str, project: str, either: KumoProcess
) -> None:
    """The guide's way: account, role, key; then calls with the key. Where nobody is asked who he is, all may do all."""
    place = ("--location=us-central1", "--key-file=key.json")
    created(said, email)
    assert said("tasks", "queues", "create", "mail", place[0])[0] == 0
    bound = (f"--member=serviceAccount:{email}", "--role=roles/cloudtasks.enqueuer")
    assert said("projects", "add-iam-policy-binding", project, *bound)[0] == 0
    task = ("tasks", "create-http-task", "--queue=mail", "--url=http://127.0.0.1:9/")
    made_task = said(*task, *place)
    assert made_task[0] == 0, made_task
    paused = said("tasks", "queues", "pause", "mail", *place)
    asked = Client(endpoint_at(f"http://{either.address}")).page.auth == "iam"
    assert paused[0] == (1 if asked else 0), paused
    assert ("PERMISSION_DENIED: " in paused[2]) is asked


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("create", "k.json"), "argument --iam-account: Must be specified."),
        (("create", "k.json", "--iam-account=sender"), "argument --iam-account: Bad value [sender]: Not a valid"),
        (("create", "--iam-account=a@b.c"), "argument OUTPUT-FILE: Must be specified."),
        (("create", "k", "--iam-account=a@b.c", "--key-file-type=pem"), "--key-file-type: Invalid choice: 'pem'."),
        (("list", "--iam-account=a@b.c", "--managed-by=all"), "argument --managed-by: Invalid choice: 'all'."),
        (("get-public-key", "k", "--iam-account=a@b.c"), "argument --output-file: Must be specified."),
    ],
)
def test_a_wrong_line_makes_nothing(said: Said, words: tuple[str, ...], sentence: str) -> None:
    code, out, err = said(*GROUP, *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert not Path("k.json").exists()
