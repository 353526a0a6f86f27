"""Which variables lead which program to a server. Pure: the table behind `kumo env`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kumotasks.auth.trust_files import Trust
from kumotasks.cli.env_page import EnvPage, bracketed
from kumotasks.server.proxied import Way, proxied

# gcloud's services with an endpoint setting. Run is not among them: gcloud writes a region in front of its host.
OVERRIDES = (
    "CLOUDTASKS",
    "IAM",
    "IAMCREDENTIALS",
    "CLOUDRESOURCEMANAGER",
    "SERVICEUSAGE",
    "LOGGING",
    "APPENGINE",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A server as it is reached from here, and the files that were written for it."""

    page: EnvPage
    endpoint: str  # where it answered, for `kumo` itself
    host: str  # without brackets
    trust: Trust
    key: str  # a path; "" to leave the shell's own


def variables(plan: Plan, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables, in the order in which they are shown; `environment` is what the shell has now."""
    page = plan.page
    found = _proxied(plan, environment) if page.proxy_port else _overrides(plan)
    found["CLOUDSDK_CORE_PROJECT"] = page.project
    found["CLOUDSDK_RUN_REGION"] = page.location
    found["GOOGLE_CLOUD_PROJECT"] = page.project
    found["KUMO_ENDPOINT"] = plan.endpoint
    if page.auth == "off":
        found["CLOUDSDK_AUTH_DISABLE_CREDENTIALS"] = "true"
    if plan.key:
        found["GOOGLE_APPLICATION_CREDENTIALS"] = plan.key
    return found


def _proxied(plan: Plan, environment: Mapping[str, str]) -> dict[str, str]:
    way = Way(plan.host, plan.page.proxy_port, plan.trust)
    found = proxied(way, java=environment.get("JAVA_TOOL_OPTIONS", ""))
    found["CLOUDSDK_PROXY_TYPE"] = "http"
    found["CLOUDSDK_PROXY_ADDRESS"] = plan.host
    found["CLOUDSDK_PROXY_PORT"] = str(plan.page.proxy_port)
    if plan.trust.bundle:
        found["CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE"] = plan.trust.bundle
    return found


def _overrides(plan: Plan) -> dict[str, str]:
    here = f"http://{bracketed(plan.host)}:{plan.page.port}/"
    found = {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}": here for name in OVERRIDES}
    found["CLOUDSDK_AUTH_TOKEN_HOST"] = f"{here}token"
    return found
