"""The flags that make up a queue, and the queue and update mask that they ask for. Pure."""

from __future__ import annotations

from kumotasks.cli.client import Failure
from kumotasks.cli.command import Flag, Json
from kumotasks.cli.line import Line
from kumotasks.cli.values import decimal, header, keyed, upper_one_of, whole

METHODS = ("POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")
_URI_KEYS = ("scheme", "host", "port", "path", "query", "mode")
_URI = keyed("uri override", _URI_KEYS)
ROUTING = keyed("routing", ("service", "version", "instance"))
_OIDC = ("http-oidc-service-account-email-override", "http-oidc-token-audience-override")
_OAUTH = ("http-oauth-service-account-email-override", "http-oauth-token-scope-override")

# flag -> the field of the queue that it sets, as update masks name it
FIELDS = {
    "max-attempts": "retryConfig.maxAttempts",
    "max-retry-duration": "retryConfig.maxRetryDuration",
    "max-doublings": "retryConfig.maxDoublings",
    "min-backoff": "retryConfig.minBackoff",
    "max-backoff": "retryConfig.maxBackoff",
    "max-dispatches-per-second": "rateLimits.maxDispatchesPerSecond",
    "max-concurrent-dispatches": "rateLimits.maxConcurrentDispatches",
    "log-sampling-ratio": "stackdriverLoggingConfig.samplingRatio",
    "routing-override": "appEngineRoutingOverride",
    "http-uri-override": "httpTarget.uriOverride",
    "http-method-override": "httpTarget.httpMethod",
    "http-header-override": "httpTarget.headerOverrides",
    "http-oidc-service-account-email-override": "httpTarget.oidcToken.serviceAccountEmail",
    "http-oidc-token-audience-override": "httpTarget.oidcToken.audience",
    "http-oauth-service-account-email-override": "httpTarget.oauthToken.serviceAccountEmail",
    "http-oauth-token-scope-override": "httpTarget.oauthToken.scope",
}
SETTING = (
    Flag("max-attempts", "attempts of a task, the first included; or unlimited", whole(-1, unlimited=True), "N"),
    Flag("max-retry-duration", "no attempt later than this after the first, such as 3600s", metavar="DURATION"),
    Flag("max-doublings", "how often the wait doubles before it grows evenly", whole(), "N"),
    Flag("min-backoff", "the first wait after a failure, such as 10s", metavar="DURATION"),
    Flag("max-backoff", "the longest wait, such as 300s", metavar="DURATION"),
    Flag("max-dispatches-per-second", "tasks sent in a second, at most; 0.5 is one in two seconds", decimal, "RATE"),
    Flag("max-concurrent-dispatches", "tasks that are under way at once, at most", whole(), "N"),
    Flag("log-sampling-ratio", "the part of operations that is logged, from 0.0 to 1.0", decimal, "RATIO"),
    Flag("routing-override", "where App Engine tasks go", ROUTING, "KEY:VALUE,..."),
    Flag("http-uri-override", f"over each task's own URL; keys {', '.join(_URI_KEYS)}", _URI, "KEY:VALUE,..."),
    Flag("http-method-override", "over each task's own method", upper_one_of(*METHODS), "METHOD"),
    Flag("http-header-override", "over each task's own header", header, '"FIELD: VALUE"', repeated=True),
    Flag(_OIDC[0], "the account whose identity token tasks carry", metavar="EMAIL"),
    Flag(_OIDC[1], "whom that token is for", metavar="AUDIENCE", needs=_OIDC[0]),
    Flag(_OAUTH[0], "the account whose access token tasks carry", metavar="EMAIL"),
    Flag(_OAUTH[1], "what that token allows", metavar="SCOPE", needs=_OAUTH[0]),
)  # fmt: skip
CLEARING = tuple(Flag(f"clear-{name}", f"{field} as new queues have it", None) for name, field in FIELDS.items())
ONE_TOKEN = ((_OIDC, _OAUTH),)
SET_OR_CLEARED = (*ONE_TOKEN, *(((name,), (f"clear-{name}",)) for name in FIELDS))


def queue(line: Line, name: str) -> Json:
    """The queue that a line sets, with what it sets and nothing else."""
    made: Json = {"name": name}
    for flag, field in FIELDS.items():
        if line.is_given(flag):
            _put(made, field, _shaped(line, flag))
    if "httpTarget" in made and "appEngineRoutingOverride" in made:
        raise Failure("A queue routes App Engine tasks or HTTP tasks: say --routing-override or --http-*-override.")
    return made


def mask(line: Line) -> str:
    """The fields that a line sets or clears. Raises Failure if there is none."""
    found = {field for flag, field in FIELDS.items() if line.is_given(flag) or line.on(f"clear-{flag}")}
    if not found:
        raise Failure("Must specify at least one field to update.")
    return ",".join(sorted(found))


def _shaped(line: Line, flag: str) -> object:
    """A flag's value as the API has it."""
    match flag:
        case "http-uri-override":
            return _uri_override(line.pairs(flag))
        case "http-header-override":
            return [{"header": {"key": key, "value": value}} for key, value in sorted(line.pairs(flag).items())]
    return line[flag]


def _uri_override(pairs: dict[str, str]) -> Json:
    # The two are there though they are empty: gcloud sends them so.
    found: Json = {"pathOverride": {}, "queryOverride": {}}
    places = {"path": "pathOverride.path", "query": "queryOverride.queryParams", "mode": "uriOverrideEnforceMode"}
    for key, value in pairs.items():
        _put(found, places.get(key, key), value.upper() if key in ("scheme", "mode") else value)
    return found


def _put(made: Json, field: str, value: object) -> None:
    """Set a field by its path."""
    first, dot, rest = field.partition(".")
    if not dot:
        made[first] = value
        return
    below = made.setdefault(first, {})
    assert isinstance(below, dict)
    _put(below, rest, value)
