"""`--condition`: how it is written, and what a line must say about a policy that has some."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumotasks.cli.iam.conditions import pairs
from kumotasks.cli.values import BadValue
from tests.cli.conftest import Said

MEMBER = "--member=user:a@b.c"
ROLE = "--role=roles/run.invoker"
LINE = "ERROR: (kumo.projects.{verb}-iam-policy-binding) "


def bindings(said: Said, project: str) -> list[str]:
    """role member [expression] of each binding of that role."""
    form = "csv[no-heading](bindings.role, bindings.members, bindings.condition.title)"
    line = ("projects", "get-iam-policy", project, "--flatten=bindings[].members", f"--format={form}")
    return [each for each in said(*line)[1].split() if "run.invoker" in each]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("expression=true,title=t", {"expression": "true", "title": "t"}),
        ('expression=a == "b",title=t', {"expression": 'a == "b"', "title": "t"}),
        ('^:^title=t:expression=f("a,b")', {"title": "t", "expression": 'f("a,b")'}),
        ("title= t ,expression=true,", {"title": " t ", "expression": "true"}),
        ("None", {"None": ""}),
        ("None,title=t", {"None": "", "title": "t"}),
        ("expression=true,title", {"expression": "true", "title": ""}),
        ("", {}),
    ],
)
def test_a_condition_is_read_as_gcloud_reads_it(written: str, read: dict[str, str]) -> None:
    assert pairs(written) == read


@pytest.mark.parametrize("written", ["foo=bar", 'expression=f("a,b"),title=t', "=x", "None=1", "title=a, expression=b"])
def test_a_condition_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(BadValue):
        pairs(written)


@pytest.mark.parametrize("written", ["title=t", "expression=true", "None,title=t", "", "expression=true,title="])
def test_a_condition_needs_expression_and_title(said: Said, project: str, written: str) -> None:
    code, out, err = said("projects", "add-iam-policy-binding", project, MEMBER, ROLE, f"--condition={written}")
    assert (code, out) == (1, "")
    assert "Invalid value for [condition]: condition must be either `None` or a list" in err
    assert bindings(said, project) == []


def test_a_policy_with_conditions_wants_every_line_to_say_one(said: Said, project: str) -> None:
    add = ("projects", "add-iam-policy-binding", project, MEMBER, ROLE)
    remove = ("projects", "remove-iam-policy-binding", project, MEMBER, ROLE)
    condition = "--condition=expression=true,title=always,description=d"
    assert said(*add)[2] == f"Updated IAM policy for project [{project}].\n"
    assert said(*add, condition)[2] == (
        "WARNING: Adding binding with condition to a policy without condition will change the behavior of "
        f"add-iam-policy-binding and remove-iam-policy-binding commands.\nUpdated IAM policy for project [{project}].\n"
    )
    both = ["roles/run.invoker,user:a@b.c,", "roles/run.invoker,user:a@b.c,always"]
    assert bindings(said, project) == both
    refused = "containing conditions is prohibited in non-interactive mode. Run the command again with"
    for line, verb in ((add, "add"), (remove, "remove")):
        code, _, err = said(*line)
        assert code == 1
        assert err.startswith(LINE.format(verb=verb))
        assert refused in err
    assert said(*add, "--condition=None")[0] == 0
    assert said(*add, condition)[2] == f"Updated IAM policy for project [{project}].\n"
    assert bindings(said, project) == both
    missing = "Policy binding with the specified principal, role, and condition not found!\n"
    assert said(*remove, "--condition=expression=true,title=always")[::2] == (1, LINE.format(verb="remove") + missing)
    assert said(*remove, condition)[0] == 0
    assert bindings(said, project) == both[:1]


def test_all_bindings_go_whatever_their_conditions(said: Said, project: str) -> None:
    for condition in ("None", "expression=true,title=one", "expression=true,title=two"):
        assert said("projects", "add-iam-policy-binding", project, MEMBER, ROLE, f"--condition={condition}")[0] == 0
    remove = ("projects", "remove-iam-policy-binding", project, MEMBER, ROLE, "--all")
    assert said(*remove)[0] == 0
    assert bindings(said, project) == []
    assert said(*remove)[2].endswith("Policy bindings with the specified principal and role not found!\n")
    assert said(*remove, "--condition=None")[0] == 2


def test_a_basic_role_takes_no_condition(said: Said, project: str) -> None:
    line = ("projects", "add-iam-policy-binding", project, MEMBER, "--role=roles/owner")
    code, _, err = said(*line, "--condition=expression=true,title=t")
    assert code == 1
    assert "Binding with a condition and a basic role is not allowed." in err


def test_a_condition_comes_from_a_file(said: Said, project: str) -> None:
    add = ("projects", "add-iam-policy-binding", project, MEMBER, ROLE)
    Path("c.yaml").write_text("title: filed\nexpression: 'true'\n")
    assert said(*add, "--condition-from-file=c.yaml")[0] == 0
    assert bindings(said, project) == ["roles/run.invoker,user:a@b.c,filed"]
    Path("list.yaml").write_text("[1]")
    Path("broken.yaml").write_text("{")
    assert "condition-from-file must be a path to" in said(*add, "--condition-from-file=list.yaml")[2]
    assert "Failed to parse YAML" in said(*add, "--condition-from-file=broken.yaml")[2]
    assert said(*add, "--condition-from-file=none.yaml")[0] == 2
