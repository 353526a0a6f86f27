"""Every refusal a caller can meet, in domain words. Codes and transports are unknown here.

A class's docstring is its sentence, word for word what Google answers; the few whose sentence names something take it
as an argument. `api/status.py` holds the one table from these classes to status codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Help:
    """A link that explains the rule (google.rpc.Help)."""

    description: str
    url: str


@dataclass(frozen=True, slots=True)
class Violation:
    """One offending field of a request (google.rpc.BadRequest.FieldViolation)."""

    field: str
    description: str


class KumoError(Exception):
    """A call was refused."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or " ".join((self.__doc__ or "").split()))

    @property
    def message(self) -> str:
        return str(self.args[0])


class InvalidArgument(KumoError):
    """The request contains an invalid argument."""

    def __init__(
        self,
        message: str | None = None,
        *,
        help_link: Help | None = None,
        violations: tuple[Violation, ...] = (),
    ) -> None:
        super().__init__(message)
        self.help_link = help_link
        self.violations = violations


class QueueNotFound(KumoError):
    """Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."""


class EntityNotFound(KumoError):
    """Requested entity was not found."""


class TaskGone(KumoError):
    """The task no longer exists, though a task with this name existed recently. The task either successfully completed
    or was deleted."""


class QueueExists(KumoError):
    """Queue already exists"""


class QueueNameRetired(KumoError):
    """The queue cannot be created because a queue with this name existed too recently."""


class TaskExists(KumoError):
    """Requested entity already exists"""


class ResourceExists(KumoError):
    """There is a resource of this name already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Resource '{name}' already exists.")


class ResourceChanged(KumoError):
    """The resource is not, or no longer, what the caller's etag says."""

    def __init__(self, name: str, asked: str, current: str) -> None:
        super().__init__(
            f"Conflict for resource '{name}': version '{asked}' was specified but current version is '{current}'."
        )


class TaskNameRetired(KumoError):
    """The task cannot be created because a task with this name existed too recently. For more information about task
    de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create#body.request_body.FIELDS.task."""


class PolicyChanged(KumoError):
    """There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."""


class ResourceExhausted(KumoError):
    """Resource has been exhausted (e.g. check quota)."""


class StorageFull(KumoError):
    """The store has no space left; nothing was written. Creation resumes when space returns."""


class StorageUnavailable(KumoError):
    """The store cannot be reached; nothing was written. Please retry."""


class CallTimedOut(KumoError):
    """Deadline expired before operation could complete."""


class MethodUnknown(KumoError):
    """The server does not know this method."""


class PathUnknown(KumoError):
    """Method not found."""


class PayloadTooLarge(KumoError):
    """The request is larger than this server accepts."""


class ProjectDenied(KumoError):
    """Permission denied on resource project."""

    def __init__(self, project: str) -> None:
        super().__init__(f"Permission denied on resource project {project}.")
        self.project = project


class Forbidden(KumoError):
    """The request was refused."""


class CredentialsMissing(KumoError):
    """Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid
    authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."""


class Unauthenticated(KumoError):
    """Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid
    authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."""


class PermissionDenied(KumoError):
    """A principal lacks a permission; the same is said of what does not exist."""

    def __init__(self, permission: str, resource: str) -> None:
        super().__init__(
            f'The principal (user or service account) lacks IAM permission "{permission}" for the resource '
            f'"{resource}" (or the resource may not exist).'
        )
        self.permission = permission
        self.resource = resource


class DelegationDenied(PermissionDenied):
    """IAM Credentials' own sentence, which does not say on which resource."""

    def __init__(self, permission: str, resource: str) -> None:
        super().__init__(permission, resource)
        self.args = (f"Permission '{permission}' denied on resource (or it may not exist).",)


class ActingDenied(PermissionDenied):
    """Cloud Run's own sentence for an account that the caller may not act as."""

    def __init__(self, permission: str, resource: str) -> None:
        super().__init__(permission, resource)
        email = resource.rpartition("/")[2]
        self.args = (
            f"Permission 'iam.serviceaccounts.actAs' denied on service account {email} (or it may not exist).",
        )


class EntriesRefused(KumoError):
    """Some of several log entries were not written, the others were; it is said with the words of the first."""

    def __init__(self, refusals: Mapping[int, KumoError]) -> None:
        self.first = refusals[min(refusals)]
        self.refusals = refusals  # by the place of the entry in the call, from 0
        super().__init__(self.first.message)


class TailTooLong(KumoError):
    """The maximum duration for tail has been met."""


class Stopping(KumoError):
    """The server is stopping."""


class FailedPrecondition(KumoError):
    """Precondition check failed."""


class AccountNotFound(KumoError):
    """Service account does not exist."""

    def __init__(self, email: str) -> None:
        super().__init__(f"Service account {email} does not exist.")


class AccountExists(KumoError):
    """A service account of this name exists."""

    def __init__(self, account_id: str, project: str) -> None:
        super().__init__(f"Service account {account_id} already exists within project projects/{project}.")


class KeyNotFound(KumoError):
    """Service account key does not exist."""


class ServiceNotFound(KumoError):
    """Not found or permission denied for service."""


class ApplicationExists(KumoError):
    """This application already exists and cannot be re-created."""


class InternalFault(KumoError):
    """An internal error has occurred; it was logged."""
