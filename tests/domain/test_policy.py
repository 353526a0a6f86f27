"""IAM policies as they may be stored, and what a caller of an older version sees of them."""

import pytest

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.policy import (
    EMPTY_ETAG,
    MAX_BINDINGS,
    MAX_CONDITIONS,
    MAX_TEXT,
    Binding,
    Condition,
    Policy,
    check_policy,
    normal,
    normal_member,
    seen_by,
)

ROLE = "roles/cloudtasks.enqueuer"
CONDITION = Condition("request.time < timestamp('2030-01-01T00:00:00Z')", "until 2030")


def binding(*members: str, role: str = ROLE, condition: Condition | None = None) -> Binding:
    return Binding(role, members, condition)


@pytest.mark.parametrize(
    "member",
    [
        "allUsers",
        "allAuthenticatedUsers",
        "user:a@example.com",
        "serviceAccount:sa@p.iam.gserviceaccount.com",
        "group:g@example.com",
        "domain:example.com",
        "deleted:serviceAccount:sa@p.iam.gserviceaccount.com?uid=123",
        "principal://iam.googleapis.com/projects/1/x",
        "principalSet://iam.googleapis.com/projects/1/*",
        "projectOwner:p",
    ],
)
def test_these_are_members(member: str) -> None:
    policy = Policy(1, (binding(member),))
    assert check_policy(policy) is policy


@pytest.mark.parametrize(
    "member", ["", "a@example.com", "user:", "user:a", "users:a@b", "user:a@b c", "domain:a@b", "allusers"]
)
def test_these_are_not(member: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid member"):
        check_policy(Policy(1, (binding("allUsers", member),)))


@pytest.mark.parametrize("role", ["", "cloudtasks.enqueuer", "roles/", "roles/a b", "projects/p/roles/"])
def test_what_is_no_role_is_refused(role: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_policy(Policy(1, (binding("allUsers", role=role),)))
    assert refused.value.message == f"Role {role} is not supported for this resource."


@pytest.mark.parametrize("role", [ROLE, "projects/p/roles/mine", "organizations/1/roles/ours"])
def test_roles_of_projects_and_organizations_are_roles(role: str) -> None:
    check_policy(Policy(1, (binding("allUsers", role=role),)))


@pytest.mark.parametrize("version", [-1, 2, 4])
def test_a_version_is_zero_one_or_three(version: int) -> None:
    with pytest.raises(InvalidArgument, match="must be 0, 1 or 3"):
        check_policy(Policy(version))
    with pytest.raises(InvalidArgument, match="must be 0, 1 or 3"):
        seen_by(Policy(), version)


def test_conditions_need_version_three() -> None:
    conditional = (binding("allUsers", condition=CONDITION),)
    check_policy(Policy(3, conditional))
    with pytest.raises(InvalidArgument, match="must be of version 3"):
        check_policy(Policy(1, conditional))


def test_a_policy_has_so_many_members_and_groups() -> None:
    users = [f"user:u{number}@x" for number in range(1_500)]
    check_policy(Policy(1, (binding(*users), binding(*users, role="roles/viewer"))))
    with pytest.raises(InvalidArgument, match="at most 1500 principals, 250 of them groups"):
        check_policy(Policy(1, (binding(*users, "allUsers"),)))
    groups = [f"group:g{number}@x" for number in range(251)]
    check_policy(Policy(1, (binding(*groups[:250]),)))
    with pytest.raises(InvalidArgument, match="at most 1500 principals, 250 of them groups"):
        check_policy(Policy(1, (binding(*groups),)))


def test_a_resource_without_a_policy_shows_googles_etag() -> None:
    assert Policy().etag == EMPTY_ETAG == b"\x00\x20\x01"


def test_an_older_version_does_not_see_conditional_bindings() -> None:
    plain, conditional = binding("allUsers"), binding("user:a@b", condition=CONDITION)
    policy = Policy(3, (plain, conditional), b"e")
    assert seen_by(policy, 3) == policy
    assert seen_by(policy, 1) == seen_by(policy, 0) == Policy(1, (plain,), b"e")
    assert seen_by(Policy(1, (plain,), b"e"), 0) == Policy(1, (plain,), b"e")


def test_a_policy_has_so_many_bindings_and_conditions_and_so_much_text() -> None:
    conditional = (binding("allUsers", condition=CONDITION),)
    plain = (binding("allUsers"),)
    long = Condition("true", "x" * MAX_TEXT)
    check_policy(Policy(3, conditional * MAX_CONDITIONS + plain * (MAX_BINDINGS - MAX_CONDITIONS)))
    for wrong, sentence in (
        (conditional * (MAX_CONDITIONS + 1), "at most 100 conditional bindings"),
        (plain * (MAX_BINDINGS + 1), "at most 1500 bindings"),
        ((binding("allUsers", condition=long),), "too large"),
        ((binding("user:" + "x" * MAX_TEXT + "@y"),), "too large"),
        ((binding("allUsers", role="roles/" + "x" * MAX_TEXT),), "too large"),
    ):
        with pytest.raises(InvalidArgument, match=sentence):
            check_policy(Policy(3, wrong))


@pytest.mark.parametrize(
    ("member", "kept"),
    [
        ("user:A@B", "user:a@b"),
        ("serviceAccount:Sa@P.iam.gserviceaccount.com", "serviceAccount:sa@p.iam.gserviceaccount.com"),
        ("deleted:serviceAccount:Sa@P?uid=1", "deleted:serviceAccount:sa@p?uid=1"),
        ("domain:Example.COM", "domain:example.com"),
        ("allUsers", "allUsers"),
        ("projectOwner:P", "projectOwner:P"),
        ("projectOwner:Example.com:P", "projectOwner:Example.com:P"),
        ("principal://iam.googleapis.com/Projects/X", "principal://iam.googleapis.com/Projects/X"),
    ],
)
def test_e_mails_are_kept_in_lower_case(member: str, kept: str) -> None:
    assert normal_member(member) == kept == normal_member(kept)


def test_a_kept_policy_has_no_empty_bindings_and_no_member_twice() -> None:
    policy = Policy(3, (binding(), binding("user:a@b", "allUsers", "user:A@b", condition=CONDITION)), b"e")
    assert normal(policy) == Policy(3, (binding("user:a@b", "allUsers", condition=CONDITION),), b"e")
