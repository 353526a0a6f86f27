"""The roles that Google publishes, written out here once more from its lists, never from the table under test."""

from __future__ import annotations

import re

import pytest

from kumotasks.auth.roles import DESCRIPTIONS, ROLES, TITLES, is_bindable, least_roles, permissions

PROJECT = {"resourcemanager.projects.get", "resourcemanager.projects.list"}
SERIES = {"monitoring.timeSeries.list"}
LOCATIONS = {"cloudtasks.locations.get", "cloudtasks.locations.list"}
OPERATIONS = {"cloudtasks.operations.get"}
QUEUES = {
    f"cloudtasks.queues.{verb}" for verb in ("create", "delete", "get", "list", "pause", "purge", "resume", "update")
}
POLICIES = {"cloudtasks.queues.getIamPolicy", "cloudtasks.queues.setIamPolicy"}
TASKS = {f"cloudtasks.tasks.{verb}" for verb in ("create", "delete", "fullView", "get", "list", "run")}
CMEK = {"cloudtasks.cmekConfig.get", "cloudtasks.cmekConfig.update"}
SEEN = (
    LOCATIONS
    | OPERATIONS
    | {"cloudtasks.cmekConfig.get", "cloudtasks.queues.get", "cloudtasks.queues.list"}
    | {"cloudtasks.tasks.get", "cloudtasks.tasks.list", "cloudtasks.tasks.fullView"}
)
EDITED = (LOCATIONS | OPERATIONS | QUEUES | TASKS | CMEK) - {"cloudtasks.cmekConfig.update"}
TOKENS = {"iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"}
ACCOUNTS = {"iam.serviceAccounts.get", "iam.serviceAccounts.list"}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("cloudtasks.admin", LOCATIONS | OPERATIONS | QUEUES | POLICIES | TASKS | CMEK | SERIES | PROJECT),
        ("cloudtasks.editor", EDITED | SERIES | PROJECT),
        ("cloudtasks.viewer", SEEN | SERIES | PROJECT),
        ("cloudtasks.enqueuer", {"cloudtasks.tasks.create", "cloudtasks.tasks.fullView"} | OPERATIONS | PROJECT),
        ("cloudtasks.queueAdmin", LOCATIONS | QUEUES | POLICIES | PROJECT),
        ("cloudtasks.taskDeleter", {"cloudtasks.tasks.delete"} | PROJECT),
        ("cloudtasks.taskRunner", {"cloudtasks.tasks.run", "cloudtasks.tasks.fullView"} | PROJECT),
        ("cloudtasks.serviceAgent", TOKENS | {"logging.logEntries.create"}),
        ("run.invoker", {"run.routes.invoke"}),
        ("iam.serviceAccountUser", {"iam.serviceAccounts.actAs"} | ACCOUNTS | PROJECT),
        (
            "iam.serviceAccountTokenCreator",
            TOKENS
            | {f"iam.serviceAccounts.{verb}" for verb in ("implicitDelegation", "signBlob", "signJwt")}
            | ACCOUNTS
            | PROJECT,
        ),
        ("logging.logWriter", {"logging.logEntries.create"}),
        ("browser", PROJECT | {"resourcemanager.projects.getIamPolicy"}),
    ],
)
def test_a_role_permits_what_google_says(role: str, expected: set[str]) -> None:
    assert permissions(f"roles/{role}") == expected


@pytest.mark.parametrize(
    ("role", "expected"), [("viewer", SEEN), ("editor", EDITED), ("owner", EDITED | POLICIES | CMEK)]
)
def test_basic_roles_permit_this_of_cloud_tasks(role: str, expected: set[str]) -> None:
    assert {each for each in permissions(f"roles/{role}") if each.startswith("cloudtasks.")} == expected


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        ("iam.serviceAccounts.actAs", {"editor", "owner"}),
        ("iam.serviceAccountKeys.create", {"editor", "owner"}),
        ("iam.serviceAccounts.setIamPolicy", {"owner"}),
        ("resourcemanager.projects.setIamPolicy", {"owner"}),
        ("run.services.setIamPolicy", {"owner"}),
        ("run.routes.invoke", {"editor", "owner"}),
        ("iam.serviceAccounts.getAccessToken", set()),
        ("iam.serviceAccounts.getOpenIdToken", set()),
        ("iam.serviceAccounts.signJwt", set()),
        ("iam.serviceAccounts.signBlob", set()),
        ("iam.serviceAccounts.implicitDelegation", set()),
        ("kumo.server.observe", {"viewer", "editor", "owner"}),
        ("kumo.server.control", {"owner"}),
        ("serviceusage.services.enable", {"editor", "owner"}),
        ("appengine.applications.get", {"viewer", "editor", "owner"}),
        ("logging.privateLogEntries.list", {"owner"}),
    ],
)
def test_of_the_basic_roles_these_have_a_permission(permission: str, roles: set[str]) -> None:
    having = {role for role in ("viewer", "editor", "owner") if permission in permissions(f"roles/{role}")}
    assert having == roles


def test_the_servers_own_permissions_are_in_no_other_roles() -> None:
    own = {role: each for role, held in ROLES.items() for each in held if each.startswith("kumo.")}
    basic = {"roles/viewer", "roles/editor", "roles/owner", "roles/reader", "roles/writer", "roles/admin"}
    assert own.keys() == {*basic, "roles/monitoring.viewer"}
    assert own["roles/monitoring.viewer"] == "kumo.server.observe"


def test_each_role_has_a_title_a_description_and_well_formed_permissions() -> None:
    assert ROLES.keys() == TITLES.keys() == DESCRIPTIONS.keys()
    for role, held in ROLES.items():
        assert TITLES[role]
        assert DESCRIPTIONS[role]
        assert held
        assert all(re.fullmatch(r"[a-z]+\.[a-zA-Z]+\.[a-zA-Z]+", each) for each in held - {"kumo"}), role


def test_every_role_that_was_asked_for_is_there() -> None:
    wanted = """
        owner editor viewer browser
        cloudtasks.admin cloudtasks.editor cloudtasks.enqueuer cloudtasks.queueAdmin cloudtasks.serviceAgent
        cloudtasks.taskDeleter cloudtasks.taskRunner cloudtasks.viewer
        run.admin run.developer run.viewer run.invoker
        iam.serviceAccountAdmin iam.serviceAccountUser iam.serviceAccountTokenCreator iam.serviceAccountKeyAdmin
        iam.serviceAccountViewer iam.serviceAccountCreator iam.serviceAccountDeleter
        iam.serviceAccountOpenIdTokenCreator iam.workloadIdentityUser iam.securityAdmin iam.securityReviewer
        iam.roleAdmin iam.roleViewer
        logging.admin logging.viewer logging.privateLogViewer logging.logWriter logging.configWriter
        resourcemanager.projectIamAdmin monitoring.viewer
        serviceusage.serviceUsageAdmin serviceusage.serviceUsageConsumer serviceusage.serviceUsageViewer
        appengine.appAdmin appengine.appCreator appengine.appViewer appengine.deployer appengine.serviceAdmin
    """
    assert {f"roles/{role}" for role in wanted.split()} <= ROLES.keys()


def test_what_the_table_does_not_have_permits_nothing() -> None:
    for role in ("roles/storage.admin", "projects/p/roles/mine", "owner", "roles/Owner", ""):
        assert permissions(role) == frozenset()


@pytest.mark.parametrize(
    ("role", "bindable"),
    [
        ("roles/cloudtasks.enqueuer", True),
        ("roles/storage.admin", True),
        ("roles/secretmanager.secretAccessor", True),
        ("projects/p/roles/cloudtasks.mine", True),
        ("roles/cloudtasks.enqueur", False),
        ("roles/cloudtasks.Admin", False),
        ("roles/run.invokr", False),
    ],
)
def test_a_slip_of_the_pen_cannot_be_bound(role: str, bindable: bool) -> None:
    assert is_bindable(role) is bindable


@pytest.mark.parametrize(
    ("permission", "least"),
    [
        ("cloudtasks.tasks.create", "roles/cloudtasks.enqueuer"),
        ("cloudtasks.tasks.run", "roles/cloudtasks.taskRunner"),
        ("cloudtasks.queues.setIamPolicy", "roles/cloudtasks.queueAdmin"),
        ("iam.serviceAccounts.actAs", "roles/iam.serviceAccountUser"),
        ("iam.serviceAccounts.getOpenIdToken", "roles/iam.serviceAccountOpenIdTokenCreator"),
        ("logging.logEntries.create", "roles/logging.logWriter"),
        ("kumo.server.control", "roles/owner"),
    ],
)
def test_the_least_role_with_a_permission(permission: str, least: str) -> None:
    assert least_roles(permission)[0] == least


def test_a_permission_that_is_none_is_in_no_role() -> None:
    assert least_roles("cloudtasks.tasks.fly") == ()
