"""The URL a task is really sent to: the queue's override over the task's own. Pure text; no name is looked up."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit, urlunsplit

from kumotasks.domain.target import EnforceMode, Scheme, UriOverride


def overridden_url(url: str, override: UriOverride | None) -> str:
    """The task's URL with the queue's parts in it.

    ALWAYS puts in every part the queue sets; IF_NOT_EXISTS only those the task leaves open, and a task with a URL of
    its own has decided its scheme, host and port. A path or query override without a value leaves the part alone.
    """
    if override is None:
        return url
    keep = override.uri_override_enforce_mode == EnforceMode.IF_NOT_EXISTS
    try:
        parts = urlsplit(url)
        authority = parts.netloc if keep and parts.netloc else _authority(parts, override)
    except ValueError:  # an authority that no URL parser takes: the attempt fails at the sender, which says why
        return url
    scheme = parts.scheme if keep and parts.netloc else _scheme(parts, override)
    path, query = parts.path, parts.query
    if override.path_override is not None and override.path_override.path and not (keep and path.strip("/")):
        path = "/" + override.path_override.path.removeprefix("/")
    if override.query_override is not None and override.query_override.query_params and not (keep and query):
        query = override.query_override.query_params
    return urlunsplit((scheme, authority, path or "/", query, ""))


def _scheme(parts: SplitResult, override: UriOverride) -> str:
    if override.scheme:
        return "http" if override.scheme == Scheme.HTTP else "https"
    # A host of the queue's without a scheme of the queue's: HTTPS, as Cloud Tasks defaults it.
    return "https" if override.host else parts.scheme or "https"


def _authority(parts: SplitResult, override: UriOverride) -> str:
    host = override.host or parts.hostname or ""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    port = parts.port if override.port is None and not override.host else override.port
    return f"{host}:{port}" if port else host
