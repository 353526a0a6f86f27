"""`kumo env`: the environment that sends unmodified programs here.

It asks a running server what it is, writes down what programs must trust, and prints variables. Nothing of the shell it
runs in is changed: `eval "$(kumo env --shell)"` does that.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from kumotasks.cli.env_files import Trust, cache_directory, stand_in_key, write_trust
from kumotasks.cli.env_page import EnvPage, Unreached, ask
from kumotasks.cli.env_variables import Plan, variables

DONE, FAILED, WRONG = 0, 1, 2
DEFAULT_ENDPOINT = "http://127.0.0.1:8123"
EXAMPLE = 'example: eval "$(kumo env --shell)"'
CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `kumo env`."""
    parser.epilog = EXAMPLE
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--shell", action="store_true", help="as export lines, for eval")
    form.add_argument("--json", action="store_true", help="as one flat JSON object of strings")
    text = "where the server listens (KUMO_ENDPOINT, else http://127.0.0.1:8123)"
    parser.add_argument("--endpoint", metavar="URL", default=argparse.SUPPRESS, help=text)


def env(options: argparse.Namespace) -> int:
    """Print the variables; complaints and advice go to stderr."""
    endpoint = getattr(options, "endpoint", None) or os.environ.get("KUMO_ENDPOINT") or DEFAULT_ENDPOINT
    try:
        place = _place(endpoint)
    except ValueError:
        return _told(f"--endpoint {endpoint}: write a URL such as {DEFAULT_ENDPOINT}.", WRONG)
    try:
        page = ask(endpoint)
        plan = _plan(page, place, os.environ)
    except Unreached as error:
        return _told(str(error), FAILED)
    except OSError as error:
        return _told(f"{error.filename or 'the cache'}: {error.strerror or error}.", FAILED)
    found = variables(plan, os.environ)
    for line in _advice(plan, os.environ):
        print(f"kumo: {line}", file=sys.stderr)
    print(_shown(found, options))
    return DONE


def _place(endpoint: str) -> str:
    """The host of a URL; ValueError if it is none."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or (parts.port is not None and not parts.port):
        raise ValueError(endpoint)
    return parts.hostname


def _plan(page: EnvPage, host: str, environment: Mapping[str, str]) -> Plan:
    cache = cache_directory(environment)
    trust = None
    if page.proxy_port:
        trust = write_trust(cache, page.authority.encode(), environment.get("SSL_CERT_FILE", ""))
    return Plan(page, host, trust or Trust(), _key(page, host, cache, environment))


def _key(page: EnvPage, host: str, cache: Path, environment: Mapping[str, str]) -> str:
    """A key for programs that have none; "" if they have one, or if there is none to be had."""
    if environment.get(CREDENTIALS):
        return ""
    if page.owner_key or page.auth != "off":
        return page.owner_key
    return str(stand_in_key(cache, page.project, page.token_uri(host)))


def _shown(found: Mapping[str, str], options: argparse.Namespace) -> str:
    if options.json:
        return json.dumps(found, indent=2)
    if options.shell:
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
