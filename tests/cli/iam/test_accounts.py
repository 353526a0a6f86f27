"""`kumo iam service-accounts`: what each line does and prints."""

from __future__ import annotations

import io
import json

import pytest

from tests.cli.conftest import Said

GROUP = ("iam", "service-accounts")


def made(said: Said, project: str, name: str) -> str:
    """The e-mail of an account that was just made."""
    assert said(*GROUP, "create", name) == (0, "", f"Created service account [{name}].\n")
    return f"{name}@{project}.iam.gserviceaccount.com"


def test_an_account_is_made_as_the_guide_makes_it(said: Said, project: str) -> None:
    line = (*GROUP, "create", "sa-task-pubsub", "--description=for test", "--display-name=Sends tasks")
    assert said(*line) == (0, "", "Created service account [sa-task-pubsub].\n")
    email = f"sa-task-pubsub@{project}.iam.gserviceaccount.com"
    code, out, err = said(*GROUP, "describe", email)
    assert (code, err) == (0, "")
    assert out.startswith(f"description: for test\ndisplayName: Sends tasks\nemail: {email}\netag: ")
    assert said(*GROUP, "describe", f"projects/{project}/serviceAccounts/{email}") == (0, out, "")
    assert said(*GROUP, "describe", f"https://iam.googleapis.com/v1/projects/-/serviceAccounts/{email}") == (0, out, "")
    code, _, err = said(*line)
    assert code == 1
    assert err.startswith("ERROR: (kumo.iam.service-accounts.create) ALREADY_EXISTS: Service account sa-task-pubsub")


def test_a_list_has_gclouds_columns_and_addresses_by_unique_id(said: Said, project: str) -> None:
    email = made(said, project, "listed")
    assert said(*GROUP, "disable", email)[0] == 0
    code, out, _ = said(*GROUP, "list", "--filter=email:listed")
    assert code == 0
    assert [row.split() for row in out.splitlines()] == [["DISPLAY", "NAME", "EMAIL", "DISABLED"], [email, "True"]]
    shown = json.loads(said(*GROUP, "list", "--format=json")[1])
    assert {each["disabled"] for each in shown} == {True, False}
    unique = said(*GROUP, "describe", email, "--format=value(uniqueId)")[1].strip()
    addresses = said(*GROUP, "list", "--uri", "--filter=email:listed")[1].split()
    assert [each.rpartition("/v1/")[2] for each in addresses] == [f"projects/{project}/serviceAccounts/{unique}"]
    assert said(*GROUP, "describe", addresses[0], "--format=value(email)")[1] == f"{email}\n"


def test_an_update_changes_what_it_names(said: Said, project: str) -> None:
    email = made(said, project, "changing")
    code, out, err = said(*GROUP, "update", email, "--description=new")
    assert (code, err) == (0, f"Updated serviceAccount [{email}].\n")
    assert "description: new\n" in out
    code, out, _ = said(*GROUP, "update", email, "--display-name=Name", "--format=json")
    assert (json.loads(out)["description"], json.loads(out)["displayName"]) == ("new", "Name")
    assert "description" not in json.loads(said(*GROUP, "update", email, "--description=", "--format=json")[1])
    code, out, err = said(*GROUP, "update", email)
    assert (code, out) == (1, "")
    assert err.endswith("is required: Specify at least one field to update.\n")


def test_an_account_is_disabled_enabled_deleted_and_brought_back(said: Said, project: str) -> None:
    email = made(said, project, "switched")
    assert said(*GROUP, "disable", email) == (0, "", f"Disabled service account [{email}].\n")
    assert said(*GROUP, "describe", email, "--format=value(disabled)")[1] == "True\n"
    assert said(*GROUP, "enable", email, "--format=json") == (0, "[]\n", f"Enabled service account [{email}].\n")
    unique = said(*GROUP, "describe", email, "--format=value(uniqueId)")[1].strip()
    assert said(*GROUP, "delete", unique) == (0, "", f"deleted service account [{unique}]\n")
    assert said(*GROUP, "describe", email)[0] == 1
    code, out, _ = said(*GROUP, "undelete", unique)
    assert code == 0
    assert out.startswith("restoredAccount:\n")
    assert said(*GROUP, "describe", email)[0] == 0
    assert "Account unique ID should be a number" in said(*GROUP, "undelete", email)[2]


def test_a_deletion_asks_first(said: Said, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    email = made(said, project, "kept-account")
    monkeypatch.delenv("KUMO_CORE_DISABLE_PROMPTS")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, _, err = said(*GROUP, "delete", email)
    assert code == 1
    asked = err.replace("-\n", "-").replace("\n", " ")
    assert asked.startswith(f"You are about to delete service account [{email}]. Do you want to continue (Y/n)?")
    assert err.endswith("ERROR: (kumo.iam.service-accounts.delete) Aborted by user.\n")
    assert said(*GROUP, "describe", email)[0] == 0


@pytest.mark.parametrize("written", ["sender", "a@b", "projects/p/serviceAccounts/x", "a/b@c.d", "../a@b.c"])
def test_what_names_no_account_is_a_wrong_call(said: Said, written: str) -> None:
    for verb in ("describe", "delete", "enable", "get-iam-policy"):
        code, _, err = said(*GROUP, verb, written)
        assert code == 2
        assert f"argument SERVICE_ACCOUNT: Bad value [{written}]" in err
