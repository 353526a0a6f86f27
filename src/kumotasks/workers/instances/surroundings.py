"""What an instance finds around it: Cloud Run's variables, its service's own, nothing secret of the server. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kumotasks.domain.run.revision import Revision

# Of the server's own environment; everything else in it is nobody's business.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ")
_DEFAULTS = {"PYTHONUNBUFFERED": "1"}  # or what a program prints is seen when it ends
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)|\$PORT\b|\$\{PORT\}")


def environment_of(
    revision: Revision, *, port: int, metadata: str, around: Mapping[str, str], endpoints: Mapping[str, str]
) -> dict[str, str]:
    """`metadata` is the address of its metadata server, `around` the server's environment, `endpoints` what leads
    Google's clients to this server."""
    assert revision.launch is not None
    name = revision.service.service
    mine = {
        "PORT": str(port),
        "K_SERVICE": name,
        "K_REVISION": revision.id,
        "K_CONFIGURATION": name,
        "GCE_METADATA_HOST": metadata,
        "GCE_METADATA_IP": metadata,
        "GCE_METADATA_ROOT": metadata,
        "METADATA_SERVER_DETECTION": "assume-present",
    }
    inherited = {key: around[key] for key in INHERITED if key in around}
    asked = {**dict(revision.launch.env), **_resolved(revision, mine)}
    return {**inherited, **_DEFAULTS, **endpoints, **asked, **mine}


def expanded(command: tuple[str, ...], environment: Mapping[str, str]) -> tuple[str, ...]:
    """`$(NAME)` as Cloud Run reads it (`$$` is a dollar sign), and `$PORT`, for no shell stands between."""
    return tuple(_expanded(word, environment) for word in command)


def _resolved(revision: Revision, known: Mapping[str, str]) -> dict[str, str]:
    """The service's variables; one may name another that stands before it."""
    container = revision.template.serving
    values, found = dict(container.env), dict(known)
    for name in (*container.env_order, *sorted(values.keys() - set(container.env_order))):
        if name in values:
            found[name] = _expanded(values[name], found, port=False)
    return {name: found[name] for name in values}


def _expanded(text: str, environment: Mapping[str, str], *, port: bool = True) -> str:
    def meaning(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if match[1] is None:
            return environment.get("PORT", match[0]) if port else match[0]
        return environment.get(match[1], match[0])

    return _REFERENCE.sub(meaning, text)
