"""`kumo env`: what it asks, writes and prints."""

from __future__ import annotations

import json
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from kumotasks.auth.trust_files import Trust
from kumotasks.cli.env_page import EnvPage, read
from kumotasks.cli.env_variables import Plan, variables
from kumotasks.cli.main import main

AUTHORITY = trustme.CA().cert_pem.bytes().decode()
PLAIN = {"auth": "off", "project": "p", "location": "us-central1", "port": 8123}
SECURE = {**PLAIN, "tlsPort": 8443, "proxyPort": 8124, "authority": AUTHORITY}
Run = Callable[..., int]


class PageServer(HTTPServer):
    """A server that has the page and nothing else."""

    page: bytes = b""
    status = 200


class Handler(BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        self.send_response(self.server.status if self.path == "/kumo/v1/env" else 404)
        self.end_headers()
        self.wfile.write(self.server.page)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served() -> Iterator[PageServer]:
    with PageServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(served: PageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `kumo env` with a shell that has nothing set."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "JAVA_TOOL_OPTIONS", "SSL_CERT_FILE", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("KUMO_ENDPOINT", f"http://127.0.0.1:{served.server_address[1]}")

    def go(*words: str, page: object = SECURE) -> int:
        served.page = json.dumps(page).encode()
        return main(["env", *words])

    return go


def test_with_tls_it_prints_exactly_these_variables(
    run: Run, served: PageServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json") == 0
    found = json.loads(capsys.readouterr().out)
    bundle = found["SSL_CERT_FILE"]
    store = str(Path(bundle).with_name("trust.p12"))
    assert found == {
        "https_proxy": "http://127.0.0.1:8124",
        "HTTPS_PROXY": "http://127.0.0.1:8124",
        "SSL_CERT_FILE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": bundle,
        "NODE_EXTRA_CA_CERTS": bundle,
        "JAVA_TOOL_OPTIONS": (
            f"-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8124 -Djavax.net.ssl.trustStore={store} "
            "-Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=changeit"
        ),
        "CLOUDSDK_PROXY_TYPE": "http",
        "CLOUDSDK_PROXY_ADDRESS": "127.0.0.1",
        "CLOUDSDK_PROXY_PORT": "8124",
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": bundle,
        "CLOUDSDK_CORE_PROJECT": "p",
        "CLOUDSDK_RUN_REGION": "us-central1",
        "GOOGLE_CLOUD_PROJECT": "p",
        "KUMO_ENDPOINT": f"http://127.0.0.1:{served.server_address[1]}",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "kumo" / "stand-in-key.json"),
    }
    assert Path(bundle).read_text().endswith(AUTHORITY)
    assert Path(bundle).is_relative_to(tmp_path / "kumo")
    assert Path(store).stat().st_size > 0


def test_kumo_itself_comes_to_the_server_that_was_asked(
    run: Run, served: PageServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever one the shell, or its configuration, named before."""
    here = f"http://127.0.0.1:{served.server_address[1]}"
    monkeypatch.setenv("KUMO_ENDPOINT", "http://127.0.0.1:9")
    assert run("--json", "--endpoint", here) == 0
    assert json.loads(capsys.readouterr().out)["KUMO_ENDPOINT"] == here


def test_a_second_run_writes_nothing_new(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    first = json.loads(capsys.readouterr().out)
    files = [Path(first["SSL_CERT_FILE"]), Path(first["SSL_CERT_FILE"]).with_name("trust.p12")]
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    assert run("--json") == 0
    assert json.loads(capsys.readouterr().out) == first
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before


def test_its_own_bundle_is_not_taken_for_the_systems_roots(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("--json") == 0
    bundle = json.loads(capsys.readouterr().out)["SSL_CERT_FILE"]
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    other = trustme.CA().cert_pem.bytes().decode()
    assert run("--json", page={**SECURE, "authority": other}) == 0
    assert AUTHORITY not in Path(json.loads(capsys.readouterr().out)["SSL_CERT_FILE"]).read_text()


def test_roots_that_the_shell_names_stay_trusted(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    corporate = trustme.CA().cert_pem.bytes().decode()
    (tmp_path / "corporate.pem").write_text(corporate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "corporate.pem"))
    assert run("--json") == 0
    assert Path(json.loads(capsys.readouterr().out)["SSL_CERT_FILE"]).read_text() == corporate + AUTHORITY


def test_the_stand_in_key_is_a_key_that_googles_library_reads(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    from google.oauth2 import service_account

    assert run("--json") == 0
    path = Path(json.loads(capsys.readouterr().out)["GOOGLE_APPLICATION_CREDENTIALS"])
    assert path.stat().st_mode & 0o777 == 0o600
    credentials = service_account.Credentials.from_service_account_file(str(path))  # type: ignore[no-untyped-call]
    assert credentials.service_account_email == "p@appspot.gserviceaccount.com"
    before = path.read_bytes()
    assert run("--json", page={**SECURE, "project": "q"}) == 0
    assert path.read_bytes() != before


def test_with_iam_it_is_the_owners_key_and_credentials_are_on(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", page={**SECURE, "auth": "iam", "ownerKey": "/data/owner.json"}) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["GOOGLE_APPLICATION_CREDENTIALS"] == "/data/owner.json"
    assert "CLOUDSDK_AUTH_DISABLE_CREDENTIALS" not in found


@pytest.mark.parametrize("auth", ["off", "iam"])
def test_a_key_that_is_set_stays(
    run: Run, auth: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/home/me/key.json")
    assert run("--json", page={**SECURE, "auth": auth, "ownerKey": "/data/owner.json"}) == 0
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in json.loads(capsys.readouterr().out)


def test_with_iam_and_no_key_it_says_what_is_missing(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(page={**SECURE, "auth": "iam"}) == 0
    assert "set GOOGLE_APPLICATION_CREDENTIALS" in capsys.readouterr().err


def test_without_tls_it_prints_the_endpoint_overrides_and_what_tls_would_add(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json", page=PLAIN) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found["CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDTASKS"] == "http://127.0.0.1:8123/"
    assert found["CLOUDSDK_AUTH_TOKEN_HOST"] == "http://127.0.0.1:8123/token"
    assert not {"https_proxy", "SSL_CERT_FILE", "JAVA_TOOL_OPTIONS", "CLOUDSDK_PROXY_TYPE"} & found.keys()
    assert "--tls auto" in shown.err
    key = json.loads(Path(found["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    assert key["token_uri"] == "http://127.0.0.1:8123/token"


def test_export_lines_survive_a_shell(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    nasty = "p'; touch /tmp/owned; echo $(id) `id` \" $HOME"
    assert run("--shell", page={**SECURE, "project": nasty}) == 0
    lines = capsys.readouterr().out
    assert all(line.startswith("export ") for line in lines.splitlines())
    script = f'{lines}\nprintf %s "$GOOGLE_CLOUD_PROJECT"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == nasty


def test_the_plain_form_is_a_line_for_each(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["https_proxy"] == "http://127.0.0.1:8124"


def test_the_operators_own_certificate_adds_nothing_to_trust(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", page={name: value for name, value in SECURE.items() if name != "authority"}) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found["https_proxy"] == "http://127.0.0.1:8124"
    assert not {"SSL_CERT_FILE", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE"} & found.keys()
    assert "trustStore" not in found["JAVA_TOOL_OPTIONS"]
    assert "issuer" in shown.err


def test_a_no_proxy_that_names_google_is_told(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "localhost,.googleapis.com")
    assert run() == 0
    assert "no_proxy" in capsys.readouterr().err


def test_a_proxy_of_the_shell_is_not_asked_for_the_page(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert run("--json") == 0


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://a", "http://", "http://a:0", "http://a:99999", "http://[::1"])
def test_an_endpoint_that_is_none_is_a_wrong_call(run: Run, endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--endpoint", endpoint) == 2
    assert "write a URL" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_one_clear_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--endpoint", "http://127.0.0.1:9") == 1
    assert "no server answers at http://127.0.0.1:9: " in capsys.readouterr().err


@pytest.mark.parametrize("page", ["text", [], {}, {"auth": "maybe", "project": "p", "port": 1}, {**PLAIN, "port": "1"}])
def test_somebody_elses_server_is_one_clear_line(run: Run, page: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(page=page) == 1
    assert "no Kumo Tasks server" in capsys.readouterr().err


def test_a_page_that_is_not_there_is_one_clear_line(
    run: Run, served: PageServer, capsys: pytest.CaptureFixture[str]
) -> None:
    served.status = 404
    assert run() == 1
    assert "(404)" in capsys.readouterr().err


def test_a_page_of_a_later_version_is_read() -> None:
    page = read({**SECURE, "more": {"x": 1}})
    assert page == EnvPage("off", "p", "us-central1", 8123, 8443, 8124, AUTHORITY)


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ("", []),
        ("-Xmx1g -Dhttps.proxyHost=old -Djavax.net.ssl.trustStorePassword=x", ["-Xmx1g"]),
        ('"-Dname=with space" -Dhttp.proxyHost=a', ["-Dname=with space", "-Dhttp.proxyHost=a"]),
        ("'never closed", []),
    ],
)
def test_javas_other_options_stay(before: str, kept: list[str]) -> None:
    page = EnvPage("iam", "p", "l", 1, 2, 3)
    found = variables(Plan(page, "http://[::1]:1", "::1", Trust("/c a/b", "/c a/t"), ""), {"JAVA_TOOL_OPTIONS": before})
    options = shlex.split(found["JAVA_TOOL_OPTIONS"])
    own = ["-Dhttps.proxyHost=::1", "-Dhttps.proxyPort=3", "-Djavax.net.ssl.trustStore=/c a/t"]
    assert options[: len(kept) + 3] == kept + own
    assert found["https_proxy"] == "http://[::1]:3"
