"""`kumo env`: the environment that sends unmodified programs here.

It asks a running server what it is, writes down what programs must trust, and prints variables. Nothing of the shell it
runs in is changed: `eval "$(kumo env --shell)"` does that.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from kumotasks.auth.trust_files import Trust, write_trust
from kumotasks.cli.client import CREDENTIALS, Client, Endpoint, Failure
from kumotasks.cli.env_files import cache_directory, stand_in_key
from kumotasks.cli.env_page import EnvPage
from kumotasks.cli.env_variables import Plan, variables

DONE, FAILED = 0, 1


def env(client: Client, form: str) -> int:
    """Print the variables, as `form` says: "shell", "json" or "". Complaints and advice go to stderr."""
    try:
        plan = _plan(client.page, client.endpoint, os.environ)
    except Failure as failure:
        return _told(str(failure), failure.code)
    except OSError as error:
        return _told(f"{error.filename or 'the cache'}: {error.strerror or error}.", FAILED)
    found = variables(plan, os.environ)
    for line in _advice(plan, os.environ):
        print(f"kumo: {line}", file=sys.stderr)
    print(_shown(found, form))
    return DONE


def _plan(page: EnvPage, endpoint: Endpoint, environment: Mapping[str, str]) -> Plan:
    cache = cache_directory(environment)
    trust = None
    if page.proxy_port:
        trust = write_trust(cache, page.authority.encode(), environment.get("SSL_CERT_FILE", ""))
    key = _key(page, endpoint.host, cache, environment)
    return Plan(page, endpoint.url, endpoint.host, trust or Trust(), key)


def _key(page: EnvPage, host: str, cache: Path, environment: Mapping[str, str]) -> str:
    """A key for programs that have none; "" if they have one, or if there is none to be had."""
    if environment.get(CREDENTIALS):
        return ""
    if page.owner_key or page.auth != "off":
        return page.owner_key
    return str(stand_in_key(cache, page.project, page.token_uri(host)))


def _shown(found: Mapping[str, str], form: str) -> str:
    if form == "json":
        return json.dumps(found, indent=2)
    if form == "shell":
        return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in found.items())
    width = max(map(len, found))
    return "\n".join(f"{name:{width}}  {value}" for name, value in found.items())


def _advice(plan: Plan, environment: Mapping[str, str]) -> list[str]:
    page, said = plan.page, []
    if not page.proxy_port:
        said.append(
            "TLS is off, so only programs with an endpoint setting are led here. With `kumo serve --tls auto` those "
            "that name no endpoint come too: Google's Python, Node, Go and Java clients, all of gcloud, Terraform."
        )
    if page.proxy_port and not page.authority:
        said.append("the server's certificate is its operator's: programs must trust its issuer already.")
    unproxied = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if page.proxy_port and ("googleapis.com" in unproxied or "*" in unproxied.split(",")):
        said.append("no_proxy names Google's hosts: programs will pass the proxy by. Unset it.")
    if page.auth == "iam" and not plan.key and not environment.get(CREDENTIALS):
        said.append(f"set {CREDENTIALS} to a key of one of the server's accounts: callers are asked who they are.")
    return said


def _told(sentence: str, code: int) -> int:
    print(f"kumo: {sentence}", file=sys.stderr)
    return code
