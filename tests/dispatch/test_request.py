"""A task as it goes over the wire: the queue's target over its own, the service's headers, per attempt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.auth.bearers import TokenAsk
from kumotasks.dispatch.request import Request, build, signed
from kumotasks.domain.attempt import Answered, Outcome, TimedOut, Unreachable
from kumotasks.domain.clock import MINUTE, SECOND
from kumotasks.domain.queue import Queue, RetryConfig
from kumotasks.domain.retry import RetryAt, decide, dispatched
from kumotasks.domain.target import (
    AppEngineHosts,
    AppEngineHttpRequest,
    AppEngineRouting,
    EnforceMode,
    HttpMethod,
    HttpRequest,
    HttpTarget,
    OAuthToken,
    OidcToken,
    PathOverride,
    QueryOverride,
    Scheme,
    UriOverride,
)
from kumotasks.domain.task import Task
from tests.dispatch.dispatching import own_headers
from tests.domain.factory import APP_ENGINE, HTTP, NOW, queue, task

HOSTS = AppEngineHosts()
AGENT = ("User-Agent", "Google-Cloud-Tasks")


def sent(first: Task | None = None, *, to: Queue | None = None, hosts: AppEngineHosts = HOSTS) -> Request:
    """The first attempt on a task."""
    return build(to or queue(), dispatched(first or task(), NOW), hosts)


def headers(request: Request) -> dict[str, str]:
    own = own_headers(request)
    found = {**dict(request.headers), **own}
    assert len(found) == len(request.headers) + request.service.count("\r\n"), "a header is sent twice"
    return found


def attempts(first: Task, *outcomes: Outcome) -> list[dict[str, str]]:
    """The headers of each attempt; each but the last ended as told."""
    seen, current = [], first
    for outcome in (*outcomes, None):
        current = dispatched(current, current.schedule_time)
        seen.append(headers(build(queue(), current, HOSTS)))
        if outcome is not None:
            verdict = decide(current, outcome, queue_retry=RetryConfig(), ended=current.schedule_time)
            assert isinstance(verdict, RetryAt)
            current = verdict.task
    return seen


# the service's headers

RECORDED = tuple(map(Answered, (503, 404, 429, 500, 302)))


@pytest.mark.parametrize(
    ("target", "prefix", "executions", "reason"),
    [
        (HTTP, "X-CloudTasks-", "001223", ""),
        (APP_ENGINE, "X-AppEngine-", "012345", "App Error"),
    ],
)
def test_each_attempt_has_the_headers_that_were_recorded(
    target: HttpRequest | AppEngineHttpRequest, prefix: str, executions: str, reason: str
) -> None:
    seen = attempts(task(target=target), *RECORDED)
    assert [each[prefix + "TaskRetryCount"] for each in seen] == list("012345")
    assert [each[prefix + "TaskExecutionCount"] for each in seen] == list(executions)
    assert [each.get(prefix + "TaskPreviousResponse") for each in seen] == [None, "503", "404", "429", "500", "302"]
    assert [each.get(prefix + "TaskRetryReason") for each in seen] == [None] + [reason] * 5


@pytest.mark.parametrize(
    ("target", "prefix", "outcome", "previous", "reason"),
    [
        (HTTP, "X-CloudTasks-", TimedOut(), "504", ""),
        (APP_ENGINE, "X-AppEngine-", TimedOut(), "0", "Instance Unavailable"),
        (HTTP, "X-CloudTasks-", Unreachable("refused"), "0", ""),
        (APP_ENGINE, "X-AppEngine-", Unreachable("refused"), "0", "Instance Unavailable"),
    ],
)
def test_an_attempt_without_an_answer_is_told_of_too(
    target: HttpRequest | AppEngineHttpRequest, prefix: str, outcome: Outcome, previous: str, reason: str
) -> None:
    _, retry = attempts(task(target=target), outcome)
    assert retry[prefix + "TaskRetryCount"] == "1"
    assert retry[prefix + "TaskExecutionCount"] == "0"
    assert retry[prefix + "TaskPreviousResponse"] == previous
    assert retry[prefix + "TaskRetryReason"] == reason


@pytest.mark.parametrize(("target", "prefix"), [(HTTP, "X-CloudTasks-"), (APP_ENGINE, "X-AppEngine-")])
def test_queue_and_task_are_named_by_their_ids(target: HttpRequest | AppEngineHttpRequest, prefix: str) -> None:
    seen = headers(sent(task(target=target)))
    assert (seen[prefix + "QueueName"], seen[prefix + "TaskName"]) == ("mail", "t1")


@pytest.mark.parametrize(
    ("schedule_time", "eta"),
    [(1_754_000_000_123_456, "1754000000.123456"), (NOW, "1754000000.000000"), (NOW + 5, "1754000000.000005")],
)
def test_the_eta_is_in_seconds_with_all_digits(schedule_time: int, eta: str) -> None:
    assert headers(sent(task(schedule_time=schedule_time)))["X-CloudTasks-TaskETA"] == eta


def test_no_header_is_invented() -> None:
    assert set(headers(sent())) == {
        "User-Agent",
        *(
            f"X-CloudTasks-{name}"
            for name in ("QueueName", "TaskName", "TaskRetryCount", "TaskExecutionCount", "TaskETA")
        ),
    }


# HTTP targets


def test_an_http_task_goes_as_it_is() -> None:
    target = HttpRequest("http://w.example/a?b=c#d", HttpMethod.PUT, (("content-type", "text/x"), AGENT), b"body")
    request = sent(task(target=target, dispatch_deadline=15 * SECOND))
    assert (request.method, request.url, request.body) == ("PUT", "http://w.example/a?b=c#d", b"body")
    assert request.headers[:2] == (("content-type", "text/x"), AGENT)
    assert request.deadline == 15 * SECOND
    assert request.follow_redirects


@pytest.mark.parametrize(("target", "redirects"), [(HTTP, True), (APP_ENGINE, False)])
def test_ten_minutes_are_the_default_and_only_http_targets_follow_redirects(
    target: HttpRequest | AppEngineHttpRequest, redirects: bool
) -> None:
    request = sent(task(target=target))
    assert request.deadline == 10 * MINUTE
    assert request.follow_redirects is redirects


# what a queue overrides

URL = "http://task.example/work?a=b"


def to(**parts: object) -> Queue:
    return queue(http_target=HttpTarget(**parts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "url"),
    [
        (EnforceMode.URI_OVERRIDE_ENFORCE_MODE_UNSPECIFIED, "https://queue.example:8443/q?c=d"),
        (EnforceMode.ALWAYS, "https://queue.example:8443/q?c=d"),
        (EnforceMode.IF_NOT_EXISTS, URL),
    ],
)
def test_the_queues_url_is_put_in_by_its_mode(mode: EnforceMode, url: str) -> None:
    override = UriOverride(None, "queue.example", 8443, PathOverride("/q"), QueryOverride("c=d"), mode)
    assert sent(task(target=HttpRequest(URL)), to=to(uri_override=override)).url == url


@pytest.mark.parametrize(
    ("override", "url"),
    [
        (UriOverride(host="queue.example"), "https://queue.example/work?a=b"),
        (UriOverride(Scheme.HTTP, "queue.example", 0), "http://queue.example/work?a=b"),
        (UriOverride(port=0), URL),
        (UriOverride(path_override=PathOverride("/q")), "http://task.example/q?a=b"),
        (UriOverride(query_override=QueryOverride("c=d")), "http://task.example/work?c=d"),
        (UriOverride(path_override=PathOverride(), query_override=QueryOverride()), URL),
    ],
)
def test_parts_the_queue_leaves_open_are_the_tasks(override: UriOverride, url: str) -> None:
    assert sent(task(target=HttpRequest(URL)), to=to(uri_override=override)).url == url


def test_a_queue_without_a_uri_override_leaves_the_url_alone() -> None:
    odd = "http://task.example?a=%zz"
    assert sent(task(target=HttpRequest(odd)), to=to(http_method=HttpMethod.PUT)).url == odd


@pytest.mark.parametrize("method", list(HttpMethod)[1:])
def test_the_queues_method_wins_and_drops_the_body_where_it_may_not_be(method: HttpMethod) -> None:
    request = sent(task(target=HttpRequest(URL, body=b"body")), to=to(http_method=method))
    assert request.method == method.name
    assert request.body == (b"body" if method.name in ("POST", "PUT", "PATCH") else b"")


def test_a_queue_without_a_method_leaves_the_tasks() -> None:
    target = HttpRequest(URL, HttpMethod.PATCH, body=b"body")
    request = sent(task(target=target), to=to(header_overrides=(("a", "b"),)))
    assert (request.method, request.body) == ("PATCH", b"body")


def test_the_queues_headers_replace_and_add_whatever_their_case() -> None:
    target = HttpRequest(URL, headers=(("X-One", "task"), ("X-Two", "task"), AGENT))
    seen = headers(sent(task(target=target), to=to(header_overrides=(("x-one", "queue"), ("X-Three", "queue")))))
    own = {name: value for name, value in seen.items() if not name.startswith("X-CloudTasks-")}
    assert own == {"X-Two": "task", "User-Agent": "Google-Cloud-Tasks", "x-one": "queue", "X-Three": "queue"}


def test_of_two_overrides_of_a_header_the_last_one_counts() -> None:
    seen = headers(sent(to=to(header_overrides=(("X-One", "first"), ("x-one", "last")))))
    assert (seen.get("X-One"), seen["x-one"]) == (None, "last")


@pytest.mark.parametrize(
    "name",
    ["Host", "Content-Length", "user-agent", "X-Google-A", "X-AppEngine-A", "X-CloudTasks-QueueName", "x-cloudtasks-x"],
)
def test_the_queue_cannot_override_what_the_service_sets(name: str) -> None:
    assert headers(sent(to=to(header_overrides=((name, "forged"),)))) == headers(sent())


def test_the_stored_task_keeps_its_own_values() -> None:
    before = dispatched(task(target=HttpRequest(URL, body=b"body")), NOW)
    after = replace(before)
    build(to(http_method=HttpMethod.GET, uri_override=UriOverride(host="queue.example")), before, HOSTS)
    assert before == after


# tokens

TOKENS: list[dict[str, OidcToken | OAuthToken]] = [
    {"oidc_token": OidcToken("a@b", "https://own")},
    {"oauth_token": OAuthToken("a@b", "own")},
]
BY_HAND = (("authorization", "Basic eA=="), ("AUTHORIZATION", "Basic eA=="), AGENT)


def asked(request: Request) -> TokenAsk:
    assert request.token is not None
    return request.token


def test_a_task_without_a_token_asks_for_none_and_keeps_its_authorization() -> None:
    request = sent(task(target=HttpRequest(URL, headers=(("authorization", "Basic eA=="), AGENT))))
    assert request.token is None
    assert headers(request)["authorization"] == "Basic eA=="


@pytest.mark.parametrize(
    ("token", "ask"),
    [
        ({"oidc_token": OidcToken("a@b", "https://own")}, TokenAsk("a@b", audience="https://own")),
        ({"oidc_token": OidcToken("a@b")}, TokenAsk("a@b", audience=URL)),
        ({"oauth_token": OAuthToken("a@b", "x y")}, TokenAsk("a@b", scope="x y")),
        (
            {"oauth_token": OAuthToken("a@b")},
            TokenAsk("a@b", scope="https://www.googleapis.com/auth/cloud-platform"),
        ),
    ],
)
def test_what_a_token_leaves_open_has_googles_defaults(token: dict[str, OidcToken | OAuthToken], ask: TokenAsk) -> None:
    assert asked(sent(task(target=HttpRequest(URL, **token)))) == ask  # type: ignore[arg-type]
    assert asked(sent(task(target=HttpRequest(URL)), to=to(**token))) == ask


@pytest.mark.parametrize("at", ["task", "queue"])
def test_an_audience_left_open_is_the_url_that_is_called_in_the_end(at: str) -> None:
    override = {"uri_override": UriOverride(host="queue.example", path_override=PathOverride("/q"))}
    token = {"oidc_token": OidcToken("a@b")}
    if at == "task":
        request = sent(task(target=HttpRequest(URL, oidc_token=token["oidc_token"])), to=to(**override))
    else:
        request = sent(task(target=HttpRequest(URL)), to=to(**override, **token))
    assert request.url == "https://queue.example/q?a=b"
    assert asked(request).audience == request.url


def test_an_audience_has_no_fragment_for_no_worker_sees_one() -> None:
    target = HttpRequest("http://w.example/a?b=c#d", oidc_token=OidcToken("a@b"))
    assert asked(sent(task(target=target))).audience == "http://w.example/a?b=c"


@pytest.mark.parametrize("queues", TOKENS)
@pytest.mark.parametrize("tasks", TOKENS)
def test_the_queues_token_wins_over_the_tasks(
    queues: dict[str, OidcToken | OAuthToken], tasks: dict[str, OidcToken | OAuthToken]
) -> None:
    other = {name: replace(token, service_account_email="task@b") for name, token in tasks.items()}
    request = sent(task(target=HttpRequest(URL, **other)), to=to(**queues))  # type: ignore[arg-type]
    assert asked(request).email == "a@b"
    assert bool(asked(request).scope) is ("oauth_token" in queues)


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("by", ["task", "queue"])
def test_a_token_takes_the_place_of_every_authorization_by_hand(
    token: dict[str, OidcToken | OAuthToken], by: str
) -> None:
    override = {"header_overrides": (("Authorization", "Basic eQ=="),)}
    if by == "task":
        request = sent(task(target=HttpRequest(URL, headers=BY_HAND, **token)), to=to(**override))  # type: ignore[arg-type]
    else:
        request = sent(task(target=HttpRequest(URL, headers=BY_HAND)), to=to(**override, **token))
    assert "authorization" not in {name.lower() for name in headers(request)}
    ready = signed(request, "text")
    assert [value for name, value in ready.headers if name.lower() == "authorization"] == ["Bearer text"]
    assert ready == replace(request, headers=ready.headers, token=None)


def test_a_request_does_not_show_its_credentials() -> None:
    assert "secret" not in repr(signed(sent(), "secret"))


def test_an_app_engine_task_asks_for_no_token() -> None:
    assert sent(task(target=APP_ENGINE), to=to(**TOKENS[0])).token is None


# App Engine targets


def test_an_app_engine_task_goes_to_its_application() -> None:
    target = AppEngineHttpRequest("/work?a=b", HttpMethod.PUT, (("Content-Length", "4"), ("X-A", "b")), b"body")
    request = sent(task(target=target, dispatch_deadline=20 * MINUTE))
    assert (request.method, request.url, request.body) == (
        "PUT",
        "http://p.us-central1.r.appspot.com/work?a=b",
        b"body",
    )
    assert request.headers[0] == ("X-A", "b")
    assert "Content-Length" not in headers(request)
    assert request.deadline == 20 * MINUTE


@pytest.mark.parametrize(
    ("routing", "host"),
    [
        (AppEngineRouting(), "p.us-central1.r.appspot.com"),
        (AppEngineRouting(service="s"), "s-dot-p.us-central1.r.appspot.com"),
        (AppEngineRouting("s", "v"), "v-dot-s-dot-p.us-central1.r.appspot.com"),
        (AppEngineRouting("s", "v", "i"), "i-dot-v-dot-s-dot-p.us-central1.r.appspot.com"),
    ],
)
def test_routing_names_the_host(routing: AppEngineRouting, host: str) -> None:
    target = AppEngineHttpRequest("/", app_engine_routing=routing)
    assert sent(task(target=target)).url == f"http://{host}/"
    other = AppEngineHttpRequest("/", app_engine_routing=AppEngineRouting("other", "v9"))
    overridden = queue(app_engine_routing_override=routing)
    assert sent(task(target=other), to=overridden).url == f"http://{host}/"


def test_a_service_may_have_a_host_of_its_own() -> None:
    hosts = AppEngineHosts("{project}.test", {"default": "localhost:8080", "s": "localhost:8081"})

    def url(routing: AppEngineRouting) -> str:
        return sent(task(target=AppEngineHttpRequest("/", app_engine_routing=routing)), hosts=hosts).url

    assert url(AppEngineRouting()) == "http://localhost:8080/"
    assert url(AppEngineRouting("s", "v")) == "http://localhost:8081/"
    assert url(AppEngineRouting("t")) == "http://t-dot-p.test/"


def test_an_http_target_does_not_touch_app_engine_tasks() -> None:
    target = HttpTarget(UriOverride(host="queue.example"), HttpMethod.GET, (("X-A", "b"),))
    plain = task(target=replace(APP_ENGINE, body=b"body"))
    assert sent(plain, to=queue(http_target=target)) == sent(plain)


def test_app_engine_routing_does_not_touch_http_tasks() -> None:
    assert sent(to=queue(app_engine_routing_override=AppEngineRouting("s"))) == sent()
