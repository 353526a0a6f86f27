"""Every surface of a server: the tables of its calls and pages, each over its use cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kumotasks.api.call import JsonRoute, PageRoute, RawRoute, Route, StreamRoute
from kumotasks.api.credentials.calls import CredentialCalls
from kumotasks.api.credentials.routes import routes as credential_routes
from kumotasks.api.iam.account_calls import AccountCalls
from kumotasks.api.iam.key_calls import KeyCalls
from kumotasks.api.iam.role_calls import RoleCalls, RoleWords
from kumotasks.api.iam.routes import routes as iam_routes
from kumotasks.api.kumo.calls import AttemptCalls, LetterCalls
from kumotasks.api.kumo.routes import routes as kumo_routes
from kumotasks.api.logging.calls import LoggingCalls
from kumotasks.api.logging.routes import routes as logging_routes
from kumotasks.api.oauth.discovery import Discovery
from kumotasks.api.oauth.routes import oauth_pages
from kumotasks.api.projects.application_calls import ApplicationCalls
from kumotasks.api.projects.project_calls import ProjectCalls
from kumotasks.api.projects.routes import routes as project_routes
from kumotasks.api.projects.usage_calls import UsageCalls
from kumotasks.api.tasks.policy_calls import PolicyCalls
from kumotasks.api.tasks.queue_calls import QueueCalls
from kumotasks.api.tasks.routes import routes as task_routes
from kumotasks.api.tasks.shared_calls import SharedCalls
from kumotasks.api.tasks.task_calls import TaskCalls
from kumotasks.auth import roles
from kumotasks.domain.clock import Clock
from kumotasks.domain.queue import Caps
from kumotasks.domain.target import AppEngineHosts, AppEngineRouting
from kumotasks.domain.task import Serials, Task
from kumotasks.logs.journal import Journal
from kumotasks.server.addresses import Addresses
from kumotasks.server.identity import Known
from kumotasks.service.account_keys import AccountKeys
from kumotasks.service.accounts import ServiceAccounts
from kumotasks.service.batches import Batches
from kumotasks.service.certificates import Certificates
from kumotasks.service.credentials import Credentials
from kumotasks.service.dead_letters import DeadLetters
from kumotasks.service.encryption import Encryption
from kumotasks.service.history import Attempts
from kumotasks.service.locations import Locations
from kumotasks.service.log_tail import Tails
from kumotasks.service.log_writing import LogWriting
from kumotasks.service.logging import Logging, Sources
from kumotasks.service.policies import Policies, accounts_in, any_project, queues_in
from kumotasks.service.projects import Applications, Projects
from kumotasks.service.queues import QueueRules, Queues
from kumotasks.service.signers import Signers
from kumotasks.service.tasks import TaskRules, Tasks
from kumotasks.service.usage import Usage
from kumotasks.settings import Settings
from kumotasks.storage.sqlstore import SqlStore


@dataclass(frozen=True, slots=True)
class Ground:
    """What every surface stands on."""

    settings: Settings
    store: SqlStore
    clock: Clock
    known: Known

    @property
    def strict(self) -> frozenset[str] | None:
        return _only(self.settings)

    @property
    def hosts(self) -> AppEngineHosts:
        return AppEngineHosts(self.settings.app_engine_host, self.settings.app_engine_services)


def queues_on(ground: Ground) -> Queues:
    settings, known = ground.settings, ground.known
    caps = Caps(settings.max_dispatches_per_second, settings.max_concurrent_dispatches)
    return Queues(
        store=ground.store,
        clock=ground.clock,
        locations=locations_of(ground.settings),
        rules=QueueRules(settings.queue_name_rest, settings.task_name_rest, caps),
        drop=known.book.drop,
        signers=_signers(known),
    )


def policies_on(ground: Ground, kind: str) -> Policies:
    """The policies of one kind of resource: a surface judges a permission on its own kind, so it reaches no other."""
    known = ground.known
    resources = {
        "queues": queues_in(ground.store, known.projects),
        "projects": any_project(known.projects),
        "serviceAccounts": accounts_in(known.accounts, known.projects),
    }
    return Policies(known.book, known.authorizer, {kind: resources[kind]})


def calls_on(
    ground: Ground, queues: Queues, in_flight: Mapping[int, Task], addresses: Addresses
) -> tuple[Route | RawRoute | JsonRoute, ...]:
    """Every call of every surface. `in_flight` has the tasks with an open attempt."""
    serials = Serials()
    shared, tasks = _shared_and_tasks(ground, in_flight, serials)
    return (
        *task_routes(QueueCalls(queues), tasks, shared),
        *_history(ground, serials),
        *_iam(ground, addresses),
        *_projects(ground),
        *credential_routes(CredentialCalls(_credentials(ground))),
    )


def logging_on(ground: Ground, journal: Journal) -> tuple[Route | StreamRoute | JsonRoute, ...]:
    known, sources = ground.known, Sources(ground.known.projects)
    writing = LogWriting(journal, sources, known.authorizer, ground.clock)
    return logging_routes(LoggingCalls(Logging(journal, sources, ground.clock), writing, Tails(journal, sources)))


def oauth_on(ground: Ground, addresses: Addresses) -> tuple[PageRoute, ...]:
    known = ground.known
    certificates = Certificates(known.keyring, known.accounts, known.wall)
    return oauth_pages(known.identity, certificates, Discovery(ground.settings.issuer, addresses.urls))


def _history(ground: Ground, serials: Serials) -> tuple[JsonRoute, ...]:
    store, clock = ground.store, ground.clock
    return kumo_routes(
        AttemptCalls(Attempts(store=store, history=store.history, clock=clock)),
        LetterCalls(DeadLetters(history=store.history, clock=clock, serials=serials)),
    )


def _shared_and_tasks(ground: Ground, in_flight: Mapping[int, Task], serials: Serials) -> tuple[SharedCalls, TaskCalls]:
    store, clock, locations = ground.store, ground.clock, locations_of(ground.settings)
    tasks = Tasks(
        store=store,
        clock=clock,
        locations=locations,
        rules=TaskRules(ground.settings.task_name_rest, ground.hosts),
        in_flight=in_flight,
        signers=_signers(ground.known),
        serials=serials,
    )
    batches = Batches(tasks=tasks, records=store.records, clock=clock)
    shared = SharedCalls(
        policies=policies_on(ground, "queues"),
        encryption=Encryption(store.records, clock),
        locations=locations,
        batches=batches,
        clock=clock,
    )
    return shared, TaskCalls(tasks, batches)


def _iam(ground: Ground, addresses: Addresses) -> tuple[Route | JsonRoute, ...]:
    known = ground.known
    accounts = ServiceAccounts(
        known.accounts,
        known.projects,
        known.wall,
        on_delete=known.book.mark_deleted,
        on_undelete=known.book.mark_undeleted,
    )
    keys = AccountKeys(accounts, known.accounts, known.keyring, known.wall, token_uri=addresses.token_uri)
    words = RoleWords(roles.ROLES, roles.TITLES, roles.DESCRIPTIONS)
    policies = PolicyCalls(policies_on(ground, "serviceAccounts"))
    return iam_routes(AccountCalls(accounts), KeyCalls(keys), RoleCalls(words, known.wall), policies)


def _projects(ground: Ground) -> tuple[Route | JsonRoute, ...]:
    settings, known, hosts = ground.settings, ground.known, ground.hosts
    projects = Projects(
        numbers=known.projects,
        records=ground.store.records,
        authorizer=known.authorizer,
        clock=known.wall,
        home=settings.project,
        strict=ground.strict,
    )
    applications = Applications(
        projects,
        location=settings.location,
        hostname=lambda project, location: hosts.of(AppEngineRouting(), project=project, location=location),
    )
    usage = Usage(records=ground.store.records, projects=projects, authorizer=known.authorizer, clock=known.wall)
    return tuple(
        project_routes(
            ProjectCalls(projects, policies_on(ground, "projects")), UsageCalls(usage), ApplicationCalls(applications)
        )
    )


def _credentials(ground: Ground) -> Credentials:
    known = ground.known
    return Credentials(
        accounts=known.accounts,
        projects=known.projects,
        authorizer=known.authorizer,
        keyring=known.keyring,
        tokens=known.tokens,
        wall=known.wall,
    )


def locations_of(settings: Settings) -> Locations:
    return Locations(home=settings.location, strict_projects=_only(settings))


def _only(settings: Settings) -> frozenset[str] | None:
    """The only projects there are, if resources are strict."""
    return frozenset({settings.project}) if settings.strict_resources else None


def _signers(known: Known) -> Signers | None:
    return Signers(known.accounts, known.projects) if known.authorizer is not None else None
