"""`kumo projects`: what each line does and prints."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Said
from tests.cli.iam.test_accounts import made


def test_a_project_is_described_by_id_number_name_and_url(said: Said, project: str) -> None:
    code, out, err = said("projects", "describe", project)
    assert (code, err) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "createTime",
        "lifecycleState",
        "name",
        "projectId",
        "projectNumber",
    ]
    number = said("projects", "describe", project, "--format=value(projectNumber)")[1].strip()
    for written in (
        number,
        f"projects/{project}",
        f"https://cloudresourcemanager.googleapis.com/v1/projects/{project}",
    ):
        assert said("projects", "describe", written) == (0, out, "")


def test_projects_are_listed_by_id_with_addresses_of_their_own(said: Said, project: str) -> None:
    number = said("projects", "describe", project, "--format=value(projectNumber)")[1].strip()
    assert [row.split() for row in said("projects", "list", f"--filter=projectId={project}")[1].splitlines()] == [
        ["PROJECT_ID", "NAME", "PROJECT_NUMBER"],
        [project, project, number],
    ]
    listed = [row.split()[0] for row in said("projects", "list")[1].splitlines()[1:]]
    assert listed == sorted(listed)
    addresses = said("projects", "list", "--uri")[1].split()
    assert f"/v1/projects/{project}" in {each[each.index("/v1/") :] for each in addresses}


def test_the_guides_three_roles_are_bound(said: Said, project: str) -> None:
    email = made(said, project, "sa-task-pubsub")
    roles = ("roles/iam.serviceAccountUser", "roles/cloudtasks.enqueuer", "roles/run.invoker")
    for role in roles:
        line = ("projects", "add-iam-policy-binding", project, f"--member=serviceAccount:{email}", f"--role={role}")
        code, out, err = said(*line)
        assert (code, err) == (0, f"Updated IAM policy for project [{project}].\n")
        assert f"- members:\n  - serviceAccount:{email}\n  role: {role}\n" in out
    line = ("projects", "get-iam-policy", project, "--flatten=bindings[].members", "--format=value(bindings.role)")
    assert said(*line, f"--filter=bindings.members:{email}")[1].split() == list(roles)
    policy = json.loads(said("projects", "get-iam-policy", project, "--format=json")[1])
    assert [each["role"] for each in policy["bindings"]][-3:] == list(roles)


def test_the_guides_other_binding_is_for_the_default_account(said: Said, project: str) -> None:
    member = f"--member=serviceAccount:{project}@appspot.gserviceaccount.com"
    line = ("projects", "add-iam-policy-binding", project, member, "--role=roles/cloudtasks.enqueuer")
    assert said(*line)[0] == 0


@pytest.mark.parametrize("written", ["p/q", "projects/p/serviceAccounts", ""])
def test_what_names_no_project_is_told(said: Said, written: str) -> None:
    code, out, err = said("projects", "describe", written)
    assert (code, out) == (1, "")
    assert "could not parse resource" in err
