"""`kumo iam roles`: what each line prints."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Said


def test_a_role_is_described(said: Said) -> None:
    code, out, err = said("iam", "roles", "describe", "roles/cloudtasks.enqueuer")
    assert (code, err) == (0, "")
    assert out.startswith("description: Access to create tasks.\netag: AA==\nincludedPermissions:\n- cloudtasks.")
    assert out.endswith("name: roles/cloudtasks.enqueuer\nstage: GA\ntitle: Cloud Tasks Enqueuer\n")


def test_roles_are_listed_as_documents_or_as_a_table(said: Said) -> None:
    assert said("iam", "roles", "list", "--limit=2")[1].count("---\n") == 2
    line = ("iam", "roles", "list", "--filter=name:cloudtasks.enq", "--format=table(name, title)")
    assert said(*line)[1].splitlines() == [
        "NAME                       TITLE",
        "roles/cloudtasks.enqueuer  Cloud Tasks Enqueuer",
    ]
    assert said("iam", "roles", "list", "--project=p", "--format=json")[1] == "[]\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("roles/nope",), "NOT_FOUND: The role named roles/nope was not found."),
        (("cloudtasks.viewer",), "Missing required argument [--organization or --project]"),
        (("mine", "--project=p"), "NOT_FOUND: The role named projects/p/roles/mine was not found"),
        (("projects/p/roles/mine",), "The role id should not include any '/' character."),
        (("roles/viewer", "--project=p"), "only stands for predefined role."),
    ],
)
def test_what_is_no_role_is_told(said: Said, words: tuple[str, ...], sentence: str) -> None:
    code, out, err = said("iam", "roles", "describe", *words)
    assert (code, out) == (1, "")
    assert sentence in err
