"""Google's predefined roles, as far as they speak of what this server does. Data only; nobody is judged here.

Transcribed from Google's own lists of roles (2026). A role holds fewer permissions than Google's where those belong to
services that are not here; it never holds more, `kumo.server.*` apart, which are this server's own.
"""

# ruff: noqa: E501  (a table: a row is a line)
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Role:
    """A role under its full name, such as `roles/cloudtasks.enqueuer`."""

    name: str
    title: str
    description: str
    permissions: frozenset[str]


def _of(noun: str, verbs: str) -> frozenset[str]:
    """`cloudtasks.queues`, "get list" -> cloudtasks.queues.get, cloudtasks.queues.list"""
    return frozenset(f"{noun}.{verb}" for verb in verbs.split())


def _role(name: str, title: str, description: str, *permissions: Iterable[str]) -> Role:
    return Role(f"roles/{name}", title, description, frozenset().union(*permissions))


_PROJECT = _of("resourcemanager.projects", "get list")
_SERIES = _of("monitoring.timeSeries", "list")
_OBSERVE = _of("kumo.server", "observe")
_CONTROL = _of("kumo.server", "control")

_PLACES = _of("cloudtasks.locations", "get list")
_KEY_SHOWN = _of("cloudtasks.cmekConfig", "get")
_BATCH = _of("cloudtasks.operations", "get")
_QUEUES_SEEN = _of("cloudtasks.queues", "get list")
_QUEUES = _QUEUES_SEEN | _of("cloudtasks.queues", "create delete pause purge resume update")
_QUEUE_POLICY = _of("cloudtasks.queues", "getIamPolicy setIamPolicy")
_TASKS_SEEN = _of("cloudtasks.tasks", "fullView get list")
_TASKS = _TASKS_SEEN | _of("cloudtasks.tasks", "create delete run")
_CLOUDTASKS_SEEN = _KEY_SHOWN | _PLACES | _BATCH | _QUEUES_SEEN | _TASKS_SEEN
_CLOUDTASKS_EDITED = _CLOUDTASKS_SEEN | _QUEUES | _TASKS
_CLOUDTASKS = _CLOUDTASKS_EDITED | _QUEUE_POLICY | _of("cloudtasks.cmekConfig", "update")

_RUN_SEEN = frozenset().union(
    _of("run.configurations", "get list"),
    _of("run.locations", "list"),
    _of("run.operations", "get list"),
    _of("run.revisions", "get list"),
    _of("run.routes", "get list"),
    _of("run.services", "get getIamPolicy list listEffectiveTags listTagBindings"),
)
_RUN_EDITED = _RUN_SEEN.union(
    _of("run.operations", "delete"),
    _of("run.revisions", "delete"),
    _of("run.routes", "invoke"),
    _of("run.services", "create delete update"),
)
_RUN = _RUN_EDITED | _of("run.services", "createTagBinding deleteTagBinding setIamPolicy")

_ACCOUNTS_NAMED = _of("iam.serviceAccounts", "get list")
_ACCOUNTS_SEEN = _ACCOUNTS_NAMED | _of("iam.serviceAccounts", "getIamPolicy")
_ACCOUNTS_EDITED = _ACCOUNTS_SEEN | _of("iam.serviceAccounts", "create delete disable enable update")
_ACCOUNTS = _ACCOUNTS_EDITED | _of("iam.serviceAccounts", "setIamPolicy undelete")
_ACT_AS = _of("iam.serviceAccounts", "actAs")
_TOKENS = _of("iam.serviceAccounts", "getAccessToken getOpenIdToken")
_IMPERSONATION = _TOKENS | _of("iam.serviceAccounts", "implicitDelegation signBlob signJwt")
_KEYS_SEEN = _of("iam.serviceAccountKeys", "get list")
_KEYS = _KEYS_SEEN | _of("iam.serviceAccountKeys", "create delete disable enable")
_ROLES_SEEN = _of("iam.roles", "get list")
_ROLES = _ROLES_SEEN | _of("iam.roles", "create delete undelete update")

_LOGS_SEEN = frozenset().union(
    _of("logging.buckets", "get list"),
    _of("logging.exclusions", "get list"),
    _of("logging.locations", "get list"),
    _of("logging.logEntries", "list"),
    _of("logging.logMetrics", "get list"),
    _of("logging.logServiceIndexes", "list"),
    _of("logging.logServices", "list"),
    _of("logging.logs", "list"),
    _of("logging.operations", "get list"),
    _of("logging.queries", "create delete get list listShared update"),
    _of("logging.sinks", "get list"),
    _of("logging.usage", "get"),
    _of("logging.views", "get list"),
)
_LOGS_PRIVATE = _of("logging.privateLogEntries", "list") | _of("logging.views", "access")
_LOG_WRITING = _of("logging.logEntries", "create")
_LOG_METRICS = _of("logging.logMetrics", "create delete update")
_LOG_ROUTING = _LOG_METRICS.union(
    _of("logging.buckets", "create delete undelete update"),
    _of("logging.exclusions", "create delete update"),
    _of("logging.sinks", "create delete update"),
    _of("logging.views", "create delete update"),
)
_LOG_REMOVAL = _of("logging.logs", "delete")

_USAGE_SEEN = frozenset().union(
    _of("serviceusage.operations", "get list"),
    _of("serviceusage.quotas", "get"),
    _of("serviceusage.services", "get list"),
)
_USAGE_USED = _USAGE_SEEN | _of("serviceusage.services", "use")
_USAGE = _USAGE_USED.union(
    _of("serviceusage.operations", "cancel delete"),
    _of("serviceusage.quotas", "update"),
    _of("serviceusage.services", "disable enable"),
)

_APP_SEEN = frozenset().union(
    _of("appengine.applications", "get"),
    _of("appengine.instances", "get list"),
    _of("appengine.operations", "get list"),
    _of("appengine.services", "get list"),
    _of("appengine.versions", "get list"),
)
_APP_DEPLOYED = _APP_SEEN | _of("appengine.versions", "create delete")
_APP_SERVED = _APP_SEEN.union(
    _of("appengine.instances", "delete"),
    _of("appengine.services", "delete update"),
    _of("appengine.versions", "delete update"),
)
_APP = _APP_DEPLOYED.union(
    _APP_SERVED,
    _of("appengine.applications", "listRuntimes update"),
    _of("appengine.instances", "enableDebug"),
    _of("appengine.memcache", "addKey flush get update"),
    _of("appengine.runtimes", "actAsAdmin"),
)
_APP_CREATED = _of("appengine.applications", "create")

_PROJECT_POLICY_SEEN = _of("resourcemanager.projects", "getIamPolicy")
_PROJECT_POLICY = _PROJECT_POLICY_SEEN | _of("resourcemanager.projects", "setIamPolicy")
_MONITORING_SEEN = frozenset().union(
    _SERIES,
    _of("monitoring.metricDescriptors", "get list"),
    _of("monitoring.monitoredResourceDescriptors", "get list"),
)

_VIEWER = frozenset().union(
    _CLOUDTASKS_SEEN,
    _RUN_SEEN,
    _ACCOUNTS_SEEN,
    _KEYS_SEEN,
    _ROLES_SEEN,
    _LOGS_SEEN,
    _USAGE_SEEN,
    _APP_SEEN,
    _PROJECT,
    _PROJECT_POLICY_SEEN,
    _MONITORING_SEEN,
    _OBSERVE,
)
# Google's editor may act as every account of the project and make keys for it; it may not change who may do what.
_EDITOR = _VIEWER.union(
    _CLOUDTASKS_EDITED,
    _RUN_EDITED,
    _ACCOUNTS_EDITED,
    _ACT_AS,
    _KEYS,
    _LOG_WRITING,
    _LOG_METRICS,
    _LOG_REMOVAL,
    _USAGE,
    _APP,
    _of("resourcemanager.projects", "update"),
)
# Google's owner cannot mint tokens for accounts: it has to grant itself roles/iam.serviceAccountTokenCreator first.
_OWNER = _EDITOR.union(
    _CLOUDTASKS,
    _RUN,
    _ACCOUNTS,
    _ROLES,
    _LOGS_PRIVATE,
    _LOG_ROUTING,
    _APP_CREATED,
    _PROJECT_POLICY,
    _of("resourcemanager.projects", "create delete undelete"),
    _CONTROL,
)

ALL_PERMISSIONS = _OWNER | _IMPERSONATION
_REVIEWED = frozenset(each for each in ALL_PERMISSIONS if each.endswith((".list", ".getIamPolicy")))
_SECURED = _REVIEWED | frozenset(each for each in ALL_PERMISSIONS if each.endswith(".setIamPolicy"))

# fmt: off
TABLE: tuple[Role, ...] = (
    _role("owner", "Owner", "Full access to most Google Cloud resources.", _OWNER),
    _role("editor", "Editor", "View, create, update, and delete most Google Cloud resources.", _EDITOR),
    _role("viewer", "Viewer", "View most Google Cloud resources.", _VIEWER),
    # The newer names of the three.
    _role("admin", "Admin", "Full access to most Google Cloud resources.", _OWNER),
    _role("writer", "Writer", "View, create, update, and delete most Google Cloud resources.", _EDITOR),
    _role("reader", "Reader", "View most Google Cloud resources.", _VIEWER),
    _role("browser", "Browser", "Access to browse GCP resources.", _PROJECT, _PROJECT_POLICY_SEEN),
    _role("cloudtasks.admin", "Cloud Tasks Admin", "Full access to queues and tasks.", _CLOUDTASKS, _SERIES, _PROJECT),
    _role("cloudtasks.editor", "Cloud Tasks Editor", "Editor role for cloudtasks", _CLOUDTASKS_EDITED, _SERIES, _PROJECT),
    _role("cloudtasks.viewer", "Cloud Tasks Viewer", "Get and list access to tasks, queues, and locations.", _CLOUDTASKS_SEEN, _SERIES, _PROJECT),
    _role("cloudtasks.enqueuer", "Cloud Tasks Enqueuer", "Access to create tasks.", _BATCH, _of("cloudtasks.tasks", "create fullView"), _PROJECT),
    _role("cloudtasks.queueAdmin", "Cloud Tasks Queue Admin", "Admin access to queues.", _PLACES, _QUEUES, _QUEUE_POLICY, _PROJECT),
    _role("cloudtasks.taskDeleter", "Cloud Tasks Task Deleter", "Access to delete tasks.", _of("cloudtasks.tasks", "delete"), _PROJECT),
    _role("cloudtasks.taskRunner", "Cloud Tasks Task Runner", "Access to run tasks.", _of("cloudtasks.tasks", "fullView run"), _PROJECT),
    _role("cloudtasks.serviceAgent", "Cloud Tasks Service Agent", "Grants Cloud Tasks Service Account access to manage resources.", _TOKENS, _LOG_WRITING),
    _role("run.admin", "Cloud Run Admin", "Full control over all Cloud Run resources.", _RUN, _PROJECT),
    _role("run.developer", "Cloud Run Developer", "Read and write access to all Cloud Run resources.", _RUN_EDITED, _PROJECT),
    _role("run.sourceDeveloper", "Cloud Run Source Developer", "Deploy and manage Cloud Run source deployed resources.", _RUN_EDITED, _USAGE_SEEN - _of("serviceusage.operations", "get list"), _PROJECT),
    _role("run.viewer", "Cloud Run Viewer", "Can view the state of all Cloud Run resources, including IAM policies.", _RUN_SEEN, _PROJECT),
    _role("run.invoker", "Cloud Run Invoker", "Can invoke a Cloud Run service.", _of("run.routes", "invoke")),
    _role("run.servicesInvoker", "Cloud Run Service Invoker", "Can invoke Cloud Run services.", _of("run.routes", "invoke")),
    _role("run.serviceAgent", "Cloud Run Service Agent", "Gives Cloud Run service account access to managed resources.", _ACT_AS, _TOKENS, _of("iam.serviceAccounts", "signBlob"), _of("run.routes", "invoke"), _of("serviceusage.services", "get use"), _PROJECT, _PROJECT_POLICY_SEEN),
    _role("iam.serviceAccountUser", "Service Account User", "Run operations as the service account.", _ACT_AS, _ACCOUNTS_NAMED, _PROJECT),
    _role("iam.serviceAccountTokenCreator", "Service Account Token Creator", "Impersonate service accounts (create OAuth2 access tokens, sign blobs or JWTs, etc).", _IMPERSONATION, _ACCOUNTS_NAMED, _PROJECT),
    _role("iam.serviceAccountOpenIdTokenCreator", "Service Account OpenID Connect Identity Token Creator", "Create OpenID Connect (OIDC) identity tokens", _of("iam.serviceAccounts", "getOpenIdToken")),
    _role("iam.serviceAccountAdmin", "Service Account Admin", "Create and manage service accounts.", _ACCOUNTS, _PROJECT),
    _role("iam.serviceAccountCreator", "Create Service Accounts", "Access to create service accounts.", _of("iam.serviceAccounts", "create"), _ACCOUNTS_NAMED, _PROJECT),
    _role("iam.serviceAccountDeleter", "Delete Service Accounts", "Access to delete service accounts.", _of("iam.serviceAccounts", "delete"), _ACCOUNTS_NAMED, _PROJECT),
    _role("iam.serviceAccountViewer", "View Service Accounts", "Read access to service accounts, metadata, and keys.", _ACCOUNTS_SEEN, _KEYS_SEEN, _PROJECT),
    _role("iam.serviceAccountKeyAdmin", "Service Account Key Admin", "Create and manage (and rotate) service account keys.", _KEYS, _ACCOUNTS_NAMED, _PROJECT),
    _role("iam.workloadIdentityUser", "Workload Identity User", "Impersonate service accounts from GKE Workloads", _TOKENS, _ACCOUNTS_NAMED),
    _role("iam.roleViewer", "Role Viewer", "Read access to all custom roles in the project.", _ROLES_SEEN, _of("resourcemanager.projects", "get"), _PROJECT_POLICY_SEEN),
    _role("iam.roleAdmin", "Role Administrator", "Access to administer all custom roles in the project.", _ROLES, _of("resourcemanager.projects", "get"), _PROJECT_POLICY_SEEN),
    _role("iam.securityReviewer", "Security Reviewer", "Security reviewer role, with permissions to get any IAM policy.", _REVIEWED),
    _role("iam.securityAdmin", "Security Admin", "Security admin role, with permissions to get and set any IAM policy.", _SECURED),
    _role("resourcemanager.projectIamAdmin", "Project IAM Admin", "Access and administer a project IAM policies.", _of("resourcemanager.projects", "get"), _PROJECT_POLICY),
    _role("logging.admin", "Logging Admin", "Access to all logging permissions, and dependent permissions.", _LOGS_SEEN, _LOGS_PRIVATE, _LOG_WRITING, _LOG_ROUTING, _LOG_REMOVAL, _PROJECT),
    _role("logging.viewer", "Logs Viewer", "Access to view logs, except for logs with private contents.", _LOGS_SEEN, _of("resourcemanager.projects", "get")),
    _role("logging.privateLogViewer", "Private Logs Viewer", "Access to view all logs, including logs with private contents.", _LOGS_SEEN, _LOGS_PRIVATE, _of("resourcemanager.projects", "get")),
    _role("logging.logWriter", "Logs Writer", "Access to write logs.", _LOG_WRITING),
    _role("logging.configWriter", "Logs Configuration Writer", "Access to configure log exporting and metrics.", _LOG_ROUTING, _LOGS_SEEN - _of("logging.logEntries", "list") - _of("logging.queries", "create delete get list listShared update") - _of("logging.usage", "get"), _PROJECT),
    _role("serviceusage.serviceUsageAdmin", "Service Usage Admin", "Ability to enable, disable, and inspect service states, inspect operations, and consume quota and billing for a consumer project.", _USAGE, _SERIES),
    _role("serviceusage.serviceUsageConsumer", "Service Usage Consumer", "Ability to inspect service states and operations, and consume quota and billing for a consumer project.", _USAGE_USED, _SERIES),
    _role("serviceusage.serviceUsageViewer", "Service Usage Viewer", "Ability to inspect service states and operations for a consumer project.", _USAGE_SEEN, _SERIES),
    _role("appengine.appAdmin", "App Engine Admin", "Full management of App Engine apps (but not storage).", _APP, _PROJECT),
    _role("appengine.appCreator", "App Engine Creator", "Ability to create the App Engine resource for the project.", _APP_CREATED, _PROJECT),
    _role("appengine.appViewer", "App Engine Viewer", "Ability to view App Engine app status.", _APP_SEEN, _PROJECT),
    _role("appengine.codeViewer", "App Engine Code Viewer", "Ability to view App Engine app status and deployed source code.", _APP_SEEN, _of("appengine.versions", "getFileContents"), _PROJECT),
    _role("appengine.deployer", "App Engine Deployer", "Necessary permissions to deploy new code to App Engine, and remove old versions.", _APP_DEPLOYED, _PROJECT),
    _role("appengine.serviceAdmin", "App Engine Service Admin", "Can view and change traffic splits, scaling settings, and delete old versions; can't create new versions.", _APP_SERVED, _PROJECT),
    _role("monitoring.viewer", "Monitoring Viewer", "Read-only access to get and list information about all monitoring data and configurations.", _MONITORING_SEEN, _OBSERVE, _PROJECT),
)
# fmt: on
