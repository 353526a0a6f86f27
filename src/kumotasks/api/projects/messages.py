"""The messages of the surface: plain JSON, for Google publishes no Python classes of these services in our packages.

Requests hold path, query and body in one; an answer leaves out what is unset.
"""

from __future__ import annotations

import msgspec


class Request(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What every call of the surface is asked with."""


class Answer(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True, frozen=True):
    """What every call of the surface answers with."""


# Resource Manager


class ProjectRequest(Request, kw_only=True, frozen=True):
    """A call about one project."""

    project: str


class ListProjectsRequest(Request, kw_only=True, frozen=True):
    """projects.list of v1."""

    filter: str = ""
    page_size: int = 0
    page_token: str = ""


class SearchProjectsRequest(Request, kw_only=True, frozen=True):
    """projects.search of v3."""

    query: str = ""
    page_size: int = 0
    page_token: str = ""


class ProjectV1(Answer, kw_only=True, frozen=True):
    project_number: str
    project_id: str
    lifecycle_state: str = msgspec.field(default_factory=lambda: "ACTIVE")  # a factory: never left out
    name: str
    create_time: str = ""


class ProjectV3(Answer, kw_only=True, frozen=True):
    name: str  # "projects/NUMBER"
    project_id: str
    state: str = msgspec.field(default_factory=lambda: "ACTIVE")
    display_name: str
    create_time: str = ""
    update_time: str = ""
    etag: str


class ProjectsV1(Answer, kw_only=True, frozen=True):
    projects: tuple[ProjectV1, ...] = ()
    next_page_token: str = ""


class ProjectsV3(Answer, kw_only=True, frozen=True):
    projects: tuple[ProjectV3, ...] = ()
    next_page_token: str = ""


class ResourceId(Answer, kw_only=True, frozen=True):
    type: str
    id: str


class Ancestor(Answer, kw_only=True, frozen=True):
    resource_id: ResourceId


class Ancestry(Answer, kw_only=True, frozen=True):
    ancestor: tuple[Ancestor, ...]


# Service Usage


class ServiceRequest(Request, kw_only=True, frozen=True):
    """A call about one service of one project."""

    project: str
    service: str


class DisableRequest(ServiceRequest, kw_only=True, frozen=True):
    """Both wishes are about other services, of which none depends on another here."""

    disable_dependent_services: bool = False
    check_if_service_has_usage: str = ""


class BatchEnableRequest(Request, kw_only=True, frozen=True):
    project: str
    service_ids: tuple[str, ...] = ()


class BatchGetRequest(Request, kw_only=True, frozen=True):
    project: str
    names: tuple[str, ...] = ()


class ListServicesRequest(Request, kw_only=True, frozen=True):
    project: str
    filter: str = ""
    page_size: int = 0
    page_token: str = ""


class OperationRequest(Request, kw_only=True, frozen=True):
    operation: str


class ServiceConfig(Answer, kw_only=True, frozen=True):
    name: str
    title: str


class Service(Answer, kw_only=True, frozen=True):
    name: str
    config: ServiceConfig
    state: str
    parent: str


class Services(Answer, kw_only=True, frozen=True):
    services: tuple[Service, ...] = ()
    next_page_token: str = ""


class OperationMetadata(Answer, kw_only=True, frozen=True):
    type_url: str = msgspec.field(name="@type")
    resource_names: tuple[str, ...]


class OperationResponse(Answer, kw_only=True, frozen=True):
    """EnableServiceResponse, DisableServiceResponse or BatchEnableServicesResponse."""

    type_url: str = msgspec.field(name="@type")
    service: Service | None = None
    services: tuple[Service, ...] = ()


class Operation(Answer, kw_only=True, frozen=True):
    name: str
    metadata: OperationMetadata | None = None
    done: bool = False
    response: OperationResponse | None = None


# App Engine


class AppRequest(Request, kw_only=True, frozen=True):
    """A call about an application."""

    app: str
    include_extra_data: str = ""


class AppPartRequest(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """A call about something in an application; whatever it says of that."""

    app: str


class NewAppRequest(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """An application to be created; the rest of what it says has no bearing."""

    id: str = ""


class FeatureSettings(Answer, kw_only=True, frozen=True):
    split_health_checks: bool
    use_container_optimized_os: bool


class App(Answer, kw_only=True, frozen=True):
    name: str
    id: str
    auth_domain: str
    location_id: str
    code_bucket: str
    serving_status: str
    default_hostname: str
    default_bucket: str
    service_account: str
    gcr_domain: str
    database_type: str
    feature_settings: FeatureSettings
