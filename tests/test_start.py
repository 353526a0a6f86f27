"""How the server begins and ends: one clear sentence and exit code 2 for what is wrong, exit code 0 for a stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.running import Answer, Arrival, KumoProcess, RecordingWorker, running

LOCATION = "projects/p/locations/us-central1"
QUEUE = f"{LOCATION}/queues/q"


def kumo(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `kumo ARGUMENTS` to its end."""
    command = [sys.executable, "-m", "kumotasks.cli.main", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KUMO_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=cwd, env=environment)


def refusal(*arguments: str) -> str:
    """The one line with which `kumo serve ARGUMENTS` is refused."""
    ended = kumo("serve", *arguments)
    assert ended.returncode == 2, ended
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("kumo: ")
    return lines[0].removeprefix("kumo: ")


# what stands in the way


def test_a_second_server_on_the_same_store_is_refused_and_the_first_goes_on(server: KumoProcess) -> None:
    store = server.directory / "data"
    sentence = refusal("--port", "0", "--store", str(store))
    assert sentence == f"Another server is using the store at {store / 'kumo.db'}."
    assert server.http("POST", f"/v2/{LOCATION}/queues", {"name": QUEUE})[0] == 200


def test_a_port_in_use_is_named_and_the_store_left_alone(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = refusal("--port", str(port), "--store", str(tmp_path / "data"))
    assert f"127.0.0.1:{port}" in sentence
    assert "Address already in use" in sentence
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--port", "70000"), "--port 70000: a port is a number from 0 to 65535."),
        (("--port", "http"), "port = 'http' is not understood"),
        (("--clock", "sundial"), "--clock sundial: choose one of system, manual."),
        (("--log", "loud"), "--log loud: choose one of debug, info, warning, error."),
        (("--drain", "soon"), "drain = 'soon' is not understood: a duration is written like 10s"),
        (("--config", "/nowhere/kumo.toml"), "/nowhere/kumo.toml: No such file or directory."),
        (("--host", "0.0.0.0"), "--host 0.0.0.0 is not loopback"),
        (("--host", "no-such-host.invalid", "--auth-off-anywhere"), "no-such-host.invalid"),
        (("--queue", "not a name"), "a declared queue was refused"),
        (("--tls", "on"), "--tls on: say off, auto or CERT:KEY, two PEM files."),
        (("--tls", "/nowhere/cert.pem:/nowhere/key.pem", "--tls-port", "0", "--proxy-port", "0"), "/nowhere/"),
        (("--tls-client-ca", "ca.pem"), "--tls-client-ca: needs --tls."),
        (("--issuer", "issuer.example"), "--issuer issuer.example: an https URL without query is needed."),
        (
            ("--auth", "iam", "--owner-key", "/dev/null/owner.json"),
            "/dev/null/owner.json cannot be written: Not a directory",
        ),
    ],
)
def test_a_bad_option_is_said_in_one_line(tmp_path: Path, arguments: tuple[str, ...], part: str) -> None:
    assert part in refusal("--port", "0", "--store", str(tmp_path / "data"), *arguments)


def test_an_unknown_option_shows_how_to_call(tmp_path: Path) -> None:
    ended = kumo("serve", "--no-such-option")
    assert ended.returncode == 2
    assert "unrecognized arguments: --no-such-option" in ended.stderr


def test_a_store_of_a_later_step_is_not_available_yet(tmp_path: Path) -> None:
    sentence = refusal("--port", "0", "--data", str(tmp_path), "--store", "mysql://kumo:secret@db.example/kumo")
    assert sentence == "--store mysql://db.example/kumo: not available in this version."
    assert list(tmp_path.iterdir()) == []


# files that are not ours to change


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert str(tmp_path / "file" / "data" / "kumo.db") in refusal("--port", "0", "--store", str(tmp_path / "file/data"))


def test_a_file_of_another_kind_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "kumo.db"
    file.write_bytes(b"Dear diary, " * 1000)
    assert refused_untouched(file) == f"The file {file} is not a store of Kumo Tasks."


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "kumo.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE diary (entry TEXT)")
    connection.close()
    assert refused_untouched(file) == f"The file {file} is not a store of Kumo Tasks."


def test_a_damaged_store_is_left_as_it_is(tmp_path: Path) -> None:
    file = a_store(tmp_path)
    content = bytearray(file.read_bytes())
    assert len(content) > 3 * 4096
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    assert refused_untouched(file).startswith(f"The store at {file} is damaged: ")


def test_a_truncated_store_is_left_as_it_is(tmp_path: Path) -> None:
    file = a_store(tmp_path)
    file.write_bytes(file.read_bytes()[: 2 * 4096 + 100])
    assert refused_untouched(file).startswith(f"The store at {file} ")


def test_a_store_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    file = a_store(tmp_path)
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 9999")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert "was written by a newer version of Kumo Tasks: its schema is 9999" in refused_untouched(file)


def refused_untouched(file: Path) -> str:
    """The sentence with which a server on `file` is refused; not a byte of it and nothing beside it has changed."""
    before = file.read_bytes()
    sentence = refusal("--port", "0", "--store", str(file.parent))
    assert file.read_bytes() == before
    beside = {each.name for each in file.parent.iterdir()} - {"kumo.db.lock"}
    assert beside == {"kumo.db"}
    return sentence


def a_store(directory: Path) -> Path:
    """A store that a server has made, used and closed."""
    process = KumoProcess(directory / "made")
    process.directory.mkdir()
    process.start()
    assert process.http("POST", f"/v2/{LOCATION}/queues", {"name": QUEUE})[0] == 200
    assert process.stop() == 0
    home = directory / "store"
    home.mkdir()
    return (process.directory / "data" / "kumo.db").rename(home / "kumo.db")


# a stop


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_with_zero(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as process:
        assert stop_with(process, number) == 0


def test_a_stop_waits_for_an_open_attempt_and_commits_its_result(tmp_path: Path, worker: RecordingWorker) -> None:
    answering, stopping = threading.Event(), threading.Event()

    def hold(arrival: Arrival) -> Answer:
        answering.set()
        assert stopping.wait(20)
        return Answer()

    worker.answer = hold
    with running(tmp_path) as process:
        create_task(process, worker)
        assert answering.wait(20)
        os.kill(process.pid, signal.SIGTERM)
        wait_until_refused(process)
        stopping.set()
        assert process.wait() == 0
        process.start()
        process.wait_idle()
        assert process.http("GET", f"/v2/{QUEUE}/tasks")[1] == {}
    assert len(worker.arrivals) == 1


def test_an_attempt_beyond_the_drain_is_broken_off_and_made_again_by_the_next_server(
    tmp_path: Path, worker: RecordingWorker
) -> None:
    answering, restarted = threading.Event(), threading.Event()

    def hold(arrival: Arrival) -> Answer:
        answering.set()
        assert restarted.wait(20)
        return Answer()

    worker.answer = hold
    with running(tmp_path, "--drain", "0.1s") as process:
        create_task(process, worker)
        assert answering.wait(20)
        assert process.stop() == 0
        restarted.set()
        process.start()
        worker.wait_for(2)
        process.wait_idle()
        assert process.http("GET", f"/v2/{QUEUE}/tasks")[1] == {}


def test_a_second_signal_cuts_the_drain_short(tmp_path: Path, worker: RecordingWorker) -> None:
    answering, ended = threading.Event(), threading.Event()

    def hold(arrival: Arrival) -> Answer:
        answering.set()
        ended.wait(60)
        return Answer()

    worker.answer = hold
    with running(tmp_path, "--drain", "1h") as process:
        create_task(process, worker)
        assert answering.wait(20)
        os.kill(process.pid, signal.SIGTERM)
        wait_until_refused(process)
        assert stop_with(process, signal.SIGTERM) == 0
    ended.set()


def test_a_stopped_server_leaves_its_files_and_a_lock(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        assert process.http("POST", f"/v2/{LOCATION}/queues", {"name": QUEUE})[0] == 200
        assert process.stop() == 0
    assert {each.name for each in (tmp_path / "data").iterdir()} == {
        "kumo.db",
        "kumo.db.lock",
        "logs.db",
        "run-secret",
        ".lock",
    }


def stop_with(process: KumoProcess, number: signal.Signals) -> int:
    """The exit code after one signal and no other."""
    os.kill(process.pid, number)
    return process.wait()


def create_task(process: KumoProcess, worker: RecordingWorker) -> None:
    assert process.http("POST", f"/v2/{LOCATION}/queues", {"name": QUEUE})[0] == 200
    task = {"task": {"httpRequest": {"url": worker.url}}}
    assert process.http("POST", f"/v2/{QUEUE}/tasks", task)[0] == 200


def wait_until_refused(process: KumoProcess) -> None:
    """Until nobody listens on the port any more: the stop has begun."""
    for _ in range(100_000):
        try:
            socket.create_connection(("127.0.0.1", process.port), timeout=20).close()
        except (ConnectionRefusedError, ConnectionResetError):
            return  # reset: the listener was closed before it took this connection
    raise AssertionError("the server went on listening")


# identity

TLS = ("--tls", "auto", "--tls-port", "0", "--proxy-port", "0")


def modes(directory: Path) -> dict[str, int]:
    """The files and directories below one, each with its mode."""
    return {str(each.relative_to(directory)): each.stat().st_mode & 0o777 for each in sorted(directory.rglob("*"))}


def test_a_server_that_asks_who_calls_writes_a_key_for_its_owner(tmp_path: Path) -> None:
    with running(tmp_path, "--auth", "iam") as process:
        status, answer = process.http("GET", f"/v2/{LOCATION}/queues")
        assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")  # type: ignore[index,call-overload]
        key = json.loads((tmp_path / "data" / "owner.json").read_text())
        assert key["token_uri"] == f"http://127.0.0.1:{process.port}/token"
    assert modes(tmp_path / "data")["owner.json"] == 0o600
    assert key["client_email"] == "kumo-owner@kumo-local.iam.gserviceaccount.com"
    log = (tmp_path / "server.log").read_text()
    assert str(tmp_path / "data" / "owner.json") in log
    assert key["private_key"].splitlines()[1] not in log


def test_the_owners_key_is_written_once_where_it_is_wanted_and_anew_when_it_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "me.json"
    with running(tmp_path, "--auth", "iam", "--owner-key", str(file)) as process:
        first = file.read_text()
        assert process.stop() == 0
        process.start()
        assert file.read_text() == first
        assert process.stop() == 0
        file.unlink()
        process.start()
        second = json.loads(file.read_text())
    assert second["client_email"] == json.loads(first)["client_email"]
    assert second["private_key_id"] != json.loads(first)["private_key_id"]
    assert not (tmp_path / "data" / "owner.json").exists()


def test_with_tls_there_are_three_ports_and_private_files(tmp_path: Path) -> None:
    with running(tmp_path, *TLS) as process:
        assert len({process.port, process.tls_port, process.proxy_port} - {0}) == 3
        trusted = ssl.create_default_context(cafile=str(tmp_path / "data" / "tls" / "ca.pem"))
        for name in ("127.0.0.1", "cloudtasks.googleapis.com"):
            with (
                socket.create_connection(("127.0.0.1", process.tls_port), timeout=20) as plain,
                trusted.wrap_socket(plain, server_hostname=name) as secure,
            ):
                assert secure.version() == "TLSv1.3"
    made = modes(tmp_path / "data")
    assert made["tls"] == 0o700
    assert {mode for name, mode in made.items() if (tmp_path / "data" / name).is_file()} == {0o600}


# what it says of itself


def test_port_zero_picks_a_free_port_and_names_it(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        assert process.port > 0
        assert process.http("GET", "/v2/projects/p/locations")[0] == 200


def test_the_help_lists_every_option_with_its_default_and_an_example() -> None:
    shown = kumo("serve", "--help")
    assert shown.returncode == 0
    for option in (
        "--host",
        "--port",
        "--store",
        "--data",
        "--queue",
        "--config",
        "--clock",
        "--drain",
        "--auth",
        "--tls",
    ):
        assert option in shown.stdout
    assert "(8123)" in shown.stdout
    assert "example:\n  kumo serve" in shown.stdout


def test_queues_named_on_the_line_are_there_before_the_first_call(tmp_path: Path) -> None:
    with running(tmp_path, "--queue", "first", "--queue", f"{LOCATION}/queues/second") as process:
        names = ["projects/kumo-local/locations/us-central1/queues/first", f"{LOCATION}/queues/second"]
        assert [process.http("GET", f"/v2/{name}")[0] for name in names] == [200, 200]
