"""Which variables lead which program to a server. Pure: the table behind `kumo env`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from kumotasks.cli.env_files import Trust
from kumotasks.cli.env_page import EnvPage, bracketed

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
JAVA_OWN = ("-Dhttps.proxyHost=", "-Dhttps.proxyPort=", "-Djavax.net.ssl.trustStore")
PASSWORD = "changeit"  # noqa: S105 - Java's own default; there is nothing secret in a trust store


@dataclass(frozen=True, slots=True)
class Plan:
    """A server as it is reached from here, and the files that were written for it."""

    page: EnvPage
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
    if page.auth == "off":
        found["CLOUDSDK_AUTH_DISABLE_CREDENTIALS"] = "true"
    if plan.key:
        found["GOOGLE_APPLICATION_CREDENTIALS"] = plan.key
    return found


def _proxied(plan: Plan, environment: Mapping[str, str]) -> dict[str, str]:
    proxy, bundle = f"http://{bracketed(plan.host)}:{plan.page.proxy_port}", plan.trust.bundle
    trusted = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NODE_EXTRA_CA_CERTS")
    found = {"https_proxy": proxy, "HTTPS_PROXY": proxy}
    if bundle:
        found |= dict.fromkeys(trusted, bundle)
    found["JAVA_TOOL_OPTIONS"] = _java(plan, environment.get("JAVA_TOOL_OPTIONS", ""))
    found["CLOUDSDK_PROXY_TYPE"] = "http"
    found["CLOUDSDK_PROXY_ADDRESS"] = plan.host
    found["CLOUDSDK_PROXY_PORT"] = str(plan.page.proxy_port)
    if bundle:
        found["CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE"] = bundle
    return found


def _java(plan: Plan, set_before: str) -> str:
    """Java reads one variable for everything: what else stands in it stays."""
    options = [f"-Dhttps.proxyHost={plan.host}", f"-Dhttps.proxyPort={plan.page.proxy_port}"]
    if plan.trust.store:
        options.append(f"-Djavax.net.ssl.trustStore={plan.trust.store}")
        options.append("-Djavax.net.ssl.trustStoreType=PKCS12")
        options.append(f"-Djavax.net.ssl.trustStorePassword={PASSWORD}")
    try:
        others = [each for each in shlex.split(set_before) if not each.startswith(JAVA_OWN)]
    except ValueError:  # a quote that is never closed: Java would not read it either
        others = []
    return " ".join(f'"{each}"' if " " in each else each for each in [*others, *options])


def _overrides(plan: Plan) -> dict[str, str]:
    here = f"http://{bracketed(plan.host)}:{plan.page.port}/"
    found = {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}": here for name in OVERRIDES}
    found["CLOUDSDK_AUTH_TOKEN_HOST"] = f"{here}token"
    return found
