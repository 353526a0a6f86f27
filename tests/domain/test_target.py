"""Targets: what a caller's request becomes, and each refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.target import (
    AppEngineHosts,
    AppEngineHttpRequest,
    AppEngineRouting,
    Headers,
    HttpMethod,
    HttpRequest,
    HttpTarget,
    OAuthToken,
    OidcToken,
    UriOverride,
    check_app_engine,
    check_http,
    check_http_target,
    is_managed_header,
)

URL = "https://example.com/work?a=b"
AGENT = ("User-Agent", "Google-Cloud-Tasks")
ENGINE_AGENT = ("User-Agent", "AppEngine-Google; (+http://code.google.com/appengine)")


def check_engine(request: AppEngineHttpRequest, hosts: AppEngineHosts | None = None) -> AppEngineHttpRequest:
    return check_app_engine(request, hosts or AppEngineHosts(), project="p", location="l")


def test_the_canonical_form_fills_in_method_and_user_agent_and_invents_no_content_type() -> None:
    asked = HttpRequest(URL, HttpMethod.HTTP_METHOD_UNSPECIFIED, body=b"x")
    assert check_http(asked) == HttpRequest(URL, HttpMethod.POST, (AGENT,), b"x")


def test_tokens_are_kept_as_they_are() -> None:
    oidc = HttpRequest(URL, oidc_token=OidcToken("a@b"))
    assert check_http(oidc).oidc_token == OidcToken("a@b", "")
    oauth = HttpRequest(URL, oauth_token=OAuthToken("a@b", "scope"))
    assert check_http(oauth).oauth_token == OAuthToken("a@b", "scope")


@pytest.mark.parametrize("body_of", [HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH])
def test_these_methods_may_have_a_body(body_of: HttpMethod) -> None:
    assert check_http(HttpRequest(URL, body_of, body=b"x")).body == b"x"


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (HttpRequest(""), "HttpRequest.url is required."),
        (HttpRequest("example.com"), "HttpTarget.url must start with 'http://' or 'https://'."),
        (HttpRequest("ftp://example.com"), "HttpTarget.url must start with 'http://' or 'https://'."),
        (HttpRequest("HTTP://example.com"), "HttpTarget.url must start with 'http://' or 'https://'."),
        (
            HttpRequest("http://h/" + "x" * 2_075),
            "HttpRequest.url must be at most 2083 characters long after encoding.",
        ),
        (
            HttpRequest("http://h/" + " " * 692),
            "HttpRequest.url must be at most 2083 characters long after encoding.",
        ),
        (HttpRequest(URL, 8), "HttpRequest.httpMethod is not a known HTTP method."),
        (HttpRequest(URL, -1), "HttpRequest.httpMethod is not a known HTTP method."),
        *[
            (
                HttpRequest(URL, method, body=b"x"),
                "HttpRequest.body can only be set when HttpRequest.httpMethod is POST, PUT or PATCH.",
            )
            for method in (HttpMethod.GET, HttpMethod.HEAD, HttpMethod.DELETE, HttpMethod.OPTIONS)
        ],
        (HttpRequest(URL, oidc_token=OidcToken("", "x")), "service_account_email must be set."),
        (HttpRequest(URL, oauth_token=OAuthToken("", "x")), "service_account_email must be set."),
        (HttpRequest(URL, headers=(("a b", "x"),)), 'HttpRequest.headers has an invalid header name: "a b".'),
        (HttpRequest(URL, headers=(("", "x"),)), 'HttpRequest.headers has an invalid header name: "".'),
        (
            HttpRequest(URL, headers=(("a", "x\r\nEvil: 1"),)),
            'HttpRequest.headers has an invalid value for the header "a".',
        ),
        (HttpRequest(URL, headers=(("a", "\0"),)), 'HttpRequest.headers has an invalid value for the header "a".'),
        (
            HttpRequest(URL, headers=(("a", "x" * 81_919),)),
            "The total size of HttpRequest.headers must be less than 80KB.",
        ),
    ],
)
def test_a_bad_http_request_is_refused(request_: HttpRequest, sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_http(request_)
    assert refused.value.message == sentence


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "https://",
        "http://h/%zz",
        "http://h:8080/a?b=c#d",
        "http://[::1]:80/",
        "http://h/" + "x" * 2_074,
        "http://h/" + " " * 691,
        "http://h/" + "ü" * 345,
    ],
)
def test_a_url_is_judged_by_its_beginning_and_its_length_only(url: str) -> None:
    assert check_http(HttpRequest(url)).url == url


@pytest.mark.parametrize(
    ("tail", "encoded"), [("ü" * 346, 6 * 346), ("日" * 231, 9 * 231), ("\N{GRINNING FACE}" * 173, 12 * 173)]
)
def test_a_short_url_that_is_long_when_encoded_is_refused(tail: str, encoded: int) -> None:
    assert len("http://h/") + encoded > 2_083
    with pytest.raises(InvalidArgument, match="at most 2083 characters"):
        check_http(HttpRequest("http://h/" + tail))
    with pytest.raises(InvalidArgument, match="at most 2083 characters"):
        check_engine(AppEngineHttpRequest("/12345678" + tail))


def test_a_queue_with_a_host_lets_a_task_have_no_url() -> None:
    assert check_http(HttpRequest(""), url_required=False).url == ""
    with pytest.raises(InvalidArgument, match="must start with"):
        check_http(HttpRequest("/path"), url_required=False)


def test_headers_may_take_almost_eighty_kilobytes() -> None:
    headers = (("a", "x" * 81_918),)
    assert check_http(HttpRequest(URL, headers=headers)).headers == (*headers, AGENT)


@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "USER-AGENT", "X-Google-Anything", "x-appengine-queuename", "X-CloudTasks-TaskName"],
)
def test_headers_of_the_service_are_dropped_without_a_word(name: str) -> None:
    assert is_managed_header(name)
    kept = (("content-type", "text/plain"), ("Authorization", "Basic x"), ("X-Googly", "1"))
    assert check_http(HttpRequest(URL, headers=(kept[0], (name, "mine"), *kept[1:]))).headers == (*kept, AGENT)


# App Engine


@pytest.mark.parametrize(
    ("headers", "body", "stored"),
    [
        ((), b"", (ENGINE_AGENT,)),
        (
            (),
            b"x" * 17,
            (ENGINE_AGENT, ("Content-Length", "17"), ("Content-Type", "application/octet-stream")),
        ),
        (
            (("content-type", "text/plain"),),
            b"x",
            (("content-type", "text/plain"), ENGINE_AGENT, ("Content-Length", "1")),
        ),
        (
            (
                ("user-agent", "mine/1"),
                ("Content-Length", "99"),
                ("HOST", "h"),
                ("X-AppEngine-A", "b"),
                ("X-Google-A", "b"),
            ),
            b"x",
            (
                ("User-Agent", "mine/1 AppEngine-Google; (+http://code.google.com/appengine)"),
                ("Content-Length", "1"),
                ("Content-Type", "application/octet-stream"),
            ),
        ),
        ((("Content-Type", "text/plain"),), b"", (("Content-Type", "text/plain"), ENGINE_AGENT)),
    ],
)
def test_the_headers_an_app_engine_task_is_stored_with(headers: Headers, body: bytes, stored: Headers) -> None:
    assert check_engine(AppEngineHttpRequest("/", headers=headers, body=body)).headers == stored


def test_an_app_engine_request_gets_its_path_method_and_host() -> None:
    asked = AppEngineHttpRequest("", HttpMethod.HTTP_METHOD_UNSPECIFIED, app_engine_routing=AppEngineRouting("web"))
    checked = check_engine(asked)
    assert (checked.relative_uri, checked.http_method) == ("/", HttpMethod.POST)
    assert checked.app_engine_routing == AppEngineRouting("web", host="web-dot-p.l.r.appspot.com")


@pytest.mark.parametrize(
    ("routing", "host"),
    [
        (AppEngineRouting(), "p.l.r.appspot.com"),
        (AppEngineRouting(host="forged.example"), "p.l.r.appspot.com"),
        (AppEngineRouting("web", "v1", "3"), "3-dot-v1-dot-web-dot-p.l.r.appspot.com"),
        (AppEngineRouting("", "v1"), "v1-dot-p.l.r.appspot.com"),
        (AppEngineRouting("api", "v1"), "127.0.0.1:9000"),
    ],
)
def test_the_host_of_a_routing_is_computed(routing: AppEngineRouting, host: str) -> None:
    hosts = AppEngineHosts(services={"api": "127.0.0.1:9000"})
    assert check_engine(AppEngineHttpRequest(app_engine_routing=routing), hosts).app_engine_routing.host == host


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (AppEngineHttpRequest("work"), "AppEngineHttpRequest.relativeUri must begin with '/'."),
        (AppEngineHttpRequest("/a b"), "AppEngineHttpRequest.relativeUri cannot contain spaces."),
        (AppEngineHttpRequest("/a\nb"), "AppEngineHttpRequest.relativeUri cannot contain spaces."),
        (
            AppEngineHttpRequest("/" + "x" * 2_083),
            "AppEngineHttpRequest.relativeUri must be at most 2083 characters long.",
        ),
        (AppEngineHttpRequest("/", 8), "AppEngineHttpRequest.httpMethod is not a known HTTP method."),
        *[
            (
                AppEngineHttpRequest("/", method, body=b"x"),
                "AppEngineHttpRequest.body can only be set when AppEngineHttpRequest.httpMethod is POST or PUT.",
            )
            for method in (HttpMethod.GET, HttpMethod.PATCH, HttpMethod.DELETE)
        ],
        (
            AppEngineHttpRequest("/", headers=(("a:", "x"),)),
            'AppEngineHttpRequest.headers has an invalid header name: "a:".',
        ),
    ],
)
def test_a_bad_app_engine_request_is_refused(request_: AppEngineHttpRequest, sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_engine(request_)
    assert refused.value.message == sentence


def test_headers_of_an_app_engine_task_have_no_limit_of_their_own() -> None:
    headers = (("a", "x" * 100_000),)
    assert check_engine(AppEngineHttpRequest(headers=headers)).headers == (*headers, ENGINE_AGENT)


# What is canonical once stays so: a task read back and created again is the same task.

_HEADER_NAMES = st.from_regex(r"[A-Za-z0-9\-]{1,12}", fullmatch=True) | st.sampled_from(
    ["Host", "X-Google-A", "Content-Type"]
)
_HEADERS = st.dictionaries(_HEADER_NAMES, st.from_regex(r"[ -~]{0,12}", fullmatch=True), max_size=4)


@given(st.sampled_from([0, 1, 4, 6]), _HEADERS, st.binary(max_size=5))
def test_a_canonical_http_request_is_its_own_canonical_form(method: int, headers: dict[str, str], body: bytes) -> None:
    once = check_http(HttpRequest(URL, method, tuple(headers.items()), body))
    assert check_http(once) == once


@given(
    st.text(max_size=30), st.integers(-1, 9), st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=3)
)
def test_any_request_is_canonical_or_refused(url: str, method: int, headers: list[tuple[str, str]]) -> None:
    for check, request in (
        (check_http, HttpRequest(f"http://{url}", method, tuple(headers))),
        (check_engine, AppEngineHttpRequest(f"/{url}", method, tuple(headers))),
    ):
        try:
            assert callable(check)
            checked = check(request)
        except InvalidArgument:
            continue
        assert not any(set(name + value) & set("\r\n\0") for name, value in checked.headers)


def test_a_queues_target_with_a_host_routes_its_tasks() -> None:
    assert HttpTarget().host == ""
    assert HttpTarget(UriOverride()).host == ""
    assert check_http_target(HttpTarget(UriOverride(host="h"))).host == "h"
