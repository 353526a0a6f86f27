"""How the command line finds a server and a key, and what it says when it cannot."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jwt
import pytest

from kumotasks.cli.client import (
    Client,
    Endpoint,
    Failure,
    Refused,
    Unreached,
    WrongCall,
    endpoint_at,
)
from kumotasks.cli.env_page import EnvPage
from kumotasks.cli.line import Line
from kumotasks.cli.main import main
from kumotasks.cli.properties import Properties
from tests.running import KumoProcess, running

ACCOUNTS = "/v1/projects/kumo-local/serviceAccounts"
PAGE = {"auth": "iam", "project": "p", "location": "l", "port": 1}
FREE = ("--tls-port", "0", "--proxy-port", "0")


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("iam"), "--auth", "iam", "--tls", "auto", *FREE) as server:
        yield server


def owner_file(server: KumoProcess) -> Path:
    return server.directory / "data" / "owner.json"


def at(server: KumoProcess, key_file: str = "") -> Client:
    return Client(endpoint_at(f"http://{server.address}"), key_file)


@dataclass
class Stranger:
    """A server that says what it was told to, and keeps what it heard."""

    status: int = 200
    body: bytes = b"{}"
    cut: int = 0  # bytes that are promised and do not come
    page: dict[str, object] = field(default_factory=lambda: dict(PAGE))
    heard: list[tuple[str, str, bytes, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    own = Stranger()

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            own.heard.append((self.command, self.path, body, headers))
            paged = self.path.endswith("/kumo/v1/env")
            self.send_response(200 if paged else own.status)
            if own.cut and not paged:
                self.send_header("Content-Length", str(len(own.body) + own.cut))
            self.end_headers()
            self.wfile.write(json.dumps(own.page).encode() if paged else own.body)

        do_GET = do_POST = _do

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        own.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield own
        server.shutdown()
        thread.join()


def client_for(flags: dict[str, str], environment: dict[str, str], home: Path) -> Client:
    return Line(flags, Properties(home, environment)).client


# Which server


@pytest.mark.parametrize(
    ("flags", "environment", "url"),
    [
        ({}, {}, "http://127.0.0.1:8123"),
        ({}, {"KUMO_ENDPOINT": "http://b:1"}, "http://b:1"),
        ({"endpoint": "http://a:1"}, {"KUMO_ENDPOINT": "http://b:1"}, "http://a:1"),
        ({}, {"KUMO_ENDPOINT": ""}, "http://127.0.0.1:8123"),
    ],
)
def test_the_line_comes_before_the_environment(
    flags: dict[str, str], environment: dict[str, str], url: str, tmp_path: Path
) -> None:
    assert client_for(flags, environment, tmp_path).endpoint.url == url


@pytest.mark.parametrize(
    ("url", "endpoint", "audience"),
    [
        ("http://Host:8123/", ("host", 8123, ""), "http://host:8123"),
        ("http://host", ("host", 80, ""), "http://host:80"),
        ("https://host/below/", ("host", 443, "/below"), "https://host"),
        ("https://host:8443", ("host", 8443, ""), "https://host:8443"),
        ("http://[::1]:8123", ("::1", 8123, ""), "http://[::1]:8123"),
    ],
)
def test_a_url_says_where_and_whom_proofs_are_for(url: str, endpoint: tuple[str, int, str], audience: str) -> None:
    found = endpoint_at(url)
    assert found == Endpoint(url, url.startswith("https"), *endpoint)
    assert found.audience == audience


@pytest.mark.parametrize("url", ["", "host:8123", "ftp://a", "http://", "http://a:0", "http://a:70000", "http://[::1"])
def test_what_is_no_url_is_a_wrong_call(url: str) -> None:
    with pytest.raises(WrongCall, match="write a URL such as http://") as failure:
        endpoint_at(url)
    assert failure.value.code == 2


# Whose key


def test_the_key_that_the_server_tells_its_own_machine_is_the_last_resort(iam: KumoProcess) -> None:
    assert at(iam).call("GET", ACCOUNTS)["accounts"]


@pytest.mark.parametrize("means", ["--key-file", "KUMO_KEY_FILE", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_a_key_can_be_named(means: str, iam: KumoProcess, tmp_path: Path) -> None:
    """By each means, over those behind it: what stands there would not do."""
    order = ["--key-file", "KUMO_KEY_FILE", "GOOGLE_APPLICATION_CREDENTIALS"]
    values = dict.fromkeys(order[order.index(means) + 1 :], "/no/such/key")
    values[means] = str(made(iam, "named-account", tmp_path))
    flags = {"key-file": values.pop("--key-file")} if "--key-file" in values else {}
    client = client_for({"endpoint": f"http://{iam.address}", **flags}, values, tmp_path / "home")
    with pytest.raises(Refused, match="named-account@kumo-local"):
        client.call("GET", ACCOUNTS)


def made(server: KumoProcess, account: str, directory: Path) -> Path:
    """A key file of an account that holds nothing."""
    owner, email = at(server), f"{account}@kumo-local.iam.gserviceaccount.com"
    known = {each["email"] for each in owner.call("GET", ACCOUNTS)["accounts"]}  # type: ignore[attr-defined]
    if email not in known:
        owner.call("POST", ACCOUNTS, body={"accountId": account})
    key = owner.call("POST", f"{ACCOUNTS}/{email}/keys", body={})
    path = directory / "key.json"
    path.write_bytes(base64.b64decode(str(key["privateKeyData"])))
    return path


def test_a_proof_is_addressed_to_its_server_and_to_nobody_else(stranger: Stranger, iam: KumoProcess) -> None:
    Client(endpoint_at(stranger.url), str(owner_file(iam))).call("GET", "/x")
    page, call = (headers for *_, headers in stranger.heard)
    assert "authorization" not in page
    token = call["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == stranger.url
    assert claims["exp"] - claims["iat"] == 3600
    assert iam.http("GET", ACCOUNTS, headers={"Authorization": f"Bearer {token}"})[0] == 401


def test_where_nobody_is_asked_nobody_says_who_he_is(stranger: Stranger) -> None:
    stranger.page["auth"] = "off"
    Client(endpoint_at(stranger.url), "/no/such/key").call("GET", "/x")
    assert not any("authorization" in headers for *_, headers in stranger.heard)


def test_a_server_that_tells_no_key_needs_one_named(stranger: Stranger) -> None:
    with pytest.raises(WrongCall, match="--key-file") as failure:
        Client(endpoint_at(stranger.url)).call("GET", "/x")
    assert failure.value.code == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file"),
        ("no json", "it is not JSON"),
        ("[]", "it is no key file"),
        ("{}", "it is no key file"),
        ('{"type": "authorized_user"}', "'authorized_user'"),
        ('{"type": "service_account"}', "whole key"),
        (
            '{"type": "service_account", "client_email": "a", "private_key_id": "b", "private_key": "secret"}',
            "its private key cannot be read",
        ),
    ],
)
def test_a_key_that_cannot_be_used_is_one_clear_line(
    content: str | None, told: str, stranger: Stranger, tmp_path: Path
) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(WrongCall) as failure:
        Client(endpoint_at(stranger.url), str(path)).call("GET", "/x")
    assert told in str(failure.value)
    assert str(path) in str(failure.value)
    assert "secret" not in str(failure.value)


# Calls


def test_a_call_carries_its_question_and_its_body(stranger: Stranger) -> None:
    stranger.page["auth"] = "off"
    stranger.body = b'{"x": [1]}'
    client = Client(endpoint_at(f"{stranger.url}/below/"))
    assert client.call("POST", "/v1/a", query={"q": "a b&c/é"}, body={"y": "ü"}) == {"x": [1]}
    verb, path, body, headers = stranger.heard[-1]
    assert (verb, path, json.loads(body)) == ("POST", "/below/v1/a?q=a%20b%26c%2F%C3%A9", {"y": "ü"})
    assert headers["content-type"] == "application/json"


def test_a_server_is_asked_about_itself_once(stranger: Stranger) -> None:
    stranger.page["auth"] = "off"
    client = Client(endpoint_at(stranger.url))
    client.call("GET", "/a")
    client.call("GET", "/b")
    assert [path for _, path, *_ in stranger.heard] == ["/kumo/v1/env", "/a", "/b"]


def test_a_proxy_of_the_shell_is_passed_by(stranger: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert Client(endpoint_at(stranger.url)).page.auth == "iam"


# What goes wrong


def test_a_server_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(Unreached, match=r"no server answers at http://127\.0\.0\.1:9: Connection refused\.") as failure:
        Client(endpoint_at("http://127.0.0.1:9")).call("GET", "/x")
    assert failure.value.code == 1


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", f"{'a' * 70}.example"])
def test_a_host_that_is_none_is_one_clear_line(host: str) -> None:
    with pytest.raises(Unreached, match="no server answers at"):
        Client(endpoint_at(f"http://{host}:1")).call("GET", "/x")


def test_a_refusal_is_the_servers_sentence_and_who_was_refused(iam: KumoProcess, tmp_path: Path) -> None:
    with pytest.raises(Refused) as failure:
        at(iam, str(made(iam, "poor-account", tmp_path))).call("GET", ACCOUNTS)
    assert "iam.serviceAccounts.list" in str(failure.value)
    assert str(failure.value).endswith("as poor-account@kumo-local.iam.gserviceaccount.com.")
    assert (failure.value.status, failure.value.code) == (403, 1)


def test_what_a_refusal_says_beside_its_sentence_stands_below_it(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stranger.page["auth"] = "off"
    stranger.status = 400
    violation = {"field": "queue.name", "description": "bad \x1b name"}
    details = [{"fieldViolations": [violation], "@type": "type.googleapis.com/google.rpc.BadRequest"}]
    error = {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT", "details": details}
    stranger.body = json.dumps({"error": error}).encode()
    monkeypatch.setenv("KUMO_CONFIG_DIR", str(tmp_path))
    assert main(["tasks", "queues", "list", "--location=l", "--project=p", f"--endpoint={stranger.url}"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "ERROR: (kumo.tasks.queues.list) INVALID_ARGUMENT: No.\n"
        "- '@type': type.googleapis.com/google.rpc.BadRequest\n"
        "  fieldViolations:\n"
        '  - description: "bad \\e name"\n'
        "    field: queue.name\n"
    )


def test_a_key_that_is_not_believed_is_one_clear_line(iam: KumoProcess, tmp_path: Path) -> None:
    path = made(iam, "former-account", tmp_path)
    email = "former-account@kumo-local.iam.gserviceaccount.com"
    at(iam).call("DELETE", f"{ACCOUNTS}/{email}/keys/{json.loads(path.read_text())['private_key_id']}")
    with pytest.raises(Refused, match=r"does not believe the key .*key\.json") as failure:
        at(iam, str(path)).call("GET", ACCOUNTS)
    assert failure.value.code == 1


def test_what_the_server_does_not_take_is_a_wrong_call(iam: KumoProcess) -> None:
    with pytest.raises(Refused, match="account ID must be") as failure:
        at(iam).call("POST", ACCOUNTS, body={"accountId": "x"})
    assert (failure.value.status, failure.value.code) == (400, 2)


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, b"[]"), (301, b"{}"), (502, b"bad"), (500, b"{}")]
)
def test_somebody_elses_server_is_one_clear_line(status: int, body: bytes, stranger: Stranger) -> None:
    stranger.page["auth"] = "off"
    stranger.status, stranger.body = status, body
    with pytest.raises(Unreached, match="no Kumo Tasks server of this version"):
        Client(endpoint_at(stranger.url)).call("GET", "/x")


def test_an_answer_that_breaks_off_is_said_to(stranger: Stranger) -> None:
    stranger.page["auth"] = "off"
    stranger.body, stranger.cut = b'[{"a": 1}', 5
    client = Client(endpoint_at(stranger.url))
    with pytest.raises(Unreached, match=r"broke off in the middle of its answer\.$"):
        client.call("GET", "/x")


WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n4\r\n[{}]\r\n0\r\n\r\n"


@contextmanager
def breaking_off(said: bytes) -> Iterator[Client]:
    """A server that says no more than this to whoever asks it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                while not connection.recv(65_536).endswith(b'{"a": 1}'):
                    pass
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        client = Client(endpoint_at(f"http://127.0.0.1:{listening.getsockname()[1]}"))
        client.page = EnvPage(auth="off", project="p", location="l", port=1)
        yield client
        thread.join()


@pytest.mark.parametrize("cut", [*range(12, len(WHOLE) - 9), len(WHOLE) - 5])
def test_an_answer_is_never_taken_for_a_whole_one_wherever_it_breaks_off(cut: int) -> None:
    with breaking_off(WHOLE[:cut]) as client, pytest.raises(Unreached, match=r"broke off in the middle of its answer"):
        client.call("POST", "/x", body={"a": 1})
    with breaking_off(WHOLE[:cut]) as client, pytest.raises(Unreached, match=r"broke off in the middle of its answer"):
        list(client.stream("/x", {"a": 1}))


def test_a_sentence_from_elsewhere_does_not_drive_the_terminal(stranger: Stranger) -> None:
    stranger.page["auth"] = "off"
    stranger.status, stranger.body = 409, json.dumps({"error": {"message": "no\x1b]0;owned\x07\nway"}}).encode()
    with pytest.raises(Refused) as failure:
        Client(endpoint_at(stranger.url)).call("GET", "/x")
    assert str(failure.value) == "no ]0;owned  way"


# TLS


def test_tls_is_believed_by_the_authority_that_the_shell_names(
    iam: KumoProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure = Client(endpoint_at(f"https://localhost:{iam.tls_port}"), str(owner_file(iam)))
    with pytest.raises(Unreached, match="is not trusted") as failure:
        secure.call("GET", ACCOUNTS)
    assert failure.value.code == 1
    (tmp_path / "ca.pem").write_text(at(iam).page.authority)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert secure.call("GET", ACCOUNTS)["accounts"]


def test_plain_text_where_tls_is_spoken_is_one_clear_line(iam: KumoProcess) -> None:
    with pytest.raises(Failure):
        Client(endpoint_at(f"http://127.0.0.1:{iam.tls_port}")).call("GET", "/x")
    with pytest.raises(Unreached, match="no server answers"):
        Client(endpoint_at(f"https://127.0.0.1:{iam.port}")).call("GET", "/x")


def test_help_loads_nothing_that_only_calls_need() -> None:
    script = """
import sys
from kumotasks.cli.main import main
main(["iam", "explain", "--help"])
print(sorted({"cryptography", "jwt", "msgspec", "google", "http.client", "urllib.request"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
