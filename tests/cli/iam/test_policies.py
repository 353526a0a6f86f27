"""Policies of projects and service accounts: read, written, and changed while others change them too."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from kumotasks.cli.client import Client, Refused, endpoint_at
from tests.cli.conftest import Said
from tests.cli.iam.test_accounts import made
from tests.running import KumoProcess

USER = ("--member=user:a@b.c", "--role=roles/iam.serviceAccountUser")


def test_a_service_accounts_bindings_come_and_go(said: Said, project: str) -> None:
    email = made(said, project, "shared-account")
    group = ("iam", "service-accounts")
    assert said(*group, "get-iam-policy", email)[1] == "etag: ACAB\n"
    code, out, err = said(*group, "add-iam-policy-binding", email, *USER)
    assert (code, err) == (0, f"Updated IAM policy for serviceAccount [{email}].\n")
    assert out.startswith("bindings:\n- members:\n  - user:a@b.c\n  role: roles/iam.serviceAccountUser\netag: ")
    assert out.endswith("\nversion: 3\n")
    Path("policy.json").write_text(said(*group, "get-iam-policy", email, "--format=json")[1])
    assert said(*group, "remove-iam-policy-binding", email, *USER)[0] == 0
    code, _, err = said(*group, "remove-iam-policy-binding", email, *USER)
    assert code == 1
    assert err.endswith(" not found!\n")
    code, _, err = said(*group, "set-iam-policy", email, "policy.json")
    assert code == 1
    assert "ABORTED: There were concurrent policy changes." in err
    policy = json.loads(Path("policy.json").read_text())
    Path("policy.json").write_text(json.dumps({"bindings": policy["bindings"]}))
    code, out, err = said(*group, "set-iam-policy", email, "policy.json")
    assert (code, err) == (0, f"Updated IAM policy for service account [{email}].\n")
    assert "user:a@b.c" in out


def test_a_policy_without_an_etag_is_asked_about(said: Said, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    Path("policy.yaml").write_text("bindings:\n- role: roles/cloudtasks.viewer\n  members: ['user:x@y.z']\n")
    monkeypatch.delenv("KUMO_CORE_DISABLE_PROMPTS")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, out, err = said("projects", "set-iam-policy", project, "policy.yaml")
    assert (code, out) == (1, "")
    assert err.startswith('The specified policy does not contain an "etag" field')
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, _, err = said("projects", "set-iam-policy", project, "policy.yaml")
    assert code == 0
    assert err.endswith(f"Updated IAM policy for project [{project}].\n")


def test_no_binding_is_lost_where_several_are_added_at_once(
    said: Said, project: str, monkeypatch: pytest.MonkeyPatch, either: KumoProcess
) -> None:
    """Somebody else's change comes between reading and writing; it stays, and ours is made on it."""
    real = Client.call
    between: list[str] = ["user:one@b.c", "user:two@b.c"]
    members = [f"user:{name}@b.c" for name in ("one", "two", "three")]

    def call(self: Client, verb: str, path: str, **more: object) -> dict[str, object]:
        if path.endswith(":setIamPolicy") and between and threading.current_thread() is threading.main_thread():
            member = between.pop()
            other = Client(endpoint_at(f"http://{either.address}"))
            policy = real(other, "POST", path.replace(":set", ":get"), body={})
            found = policy.get("bindings")
            listed = [*(found if isinstance(found, list) else []), {"role": "roles/viewer", "members": [member]}]
            real(other, "POST", path, body={"policy": {**policy, "bindings": listed}})
        return real(self, verb, path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Client, "call", call)
    added = ("projects", "add-iam-policy-binding", project, f"--member={members[2]}", "--role=roles/viewer")
    assert said(*added)[0] == 0
    shown = said("projects", "get-iam-policy", project)[1]
    assert all(member in shown for member in members)


def test_a_conflict_that_does_not_end_is_told(said: Said, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Client.call
    tries: list[str] = []

    def call(self: Client, verb: str, path: str, **more: object) -> dict[str, object]:
        if path.endswith(":setIamPolicy"):
            tries.append(path)
            raise Refused("There were concurrent policy changes.", 409, "ABORTED")
        return real(self, verb, path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Client, "call", call)
    code, _, err = said("projects", "add-iam-policy-binding", project, *USER)
    assert (code, len(tries)) == (1, 10)
    assert err.endswith("ABORTED: There were concurrent policy changes.\n")


def test_a_policy_file_that_is_none_is_told(said: Said, project: str) -> None:
    Path("list.yaml").write_text("[1]")
    assert "is not a properly formatted YAML or JSON policy file" in said(
        "projects", "set-iam-policy", project, "list.yaml"
    )[2]  # fmt: skip
    assert "Unable to read file [none]" in said("projects", "set-iam-policy", project, "none")[2]
