"""`kumo store`: what it shows, what it refuses, and the keys that go along with a copy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kumotasks.auth.keyring import Keyring
from kumotasks.cli.main import main
from kumotasks.domain.clock import SystemClock
from kumotasks.storage.sqlite import SqliteStore
from tests.factory import NOW, a_queue, a_task
from tests.postgres import postgres

SECRET = "a secret of the test, long enough"
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs `kumo store WORDS` in a directory of its own: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUMO_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.delenv("KUMO_SECRET", raising=False)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["store", *words])
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database."""
    name = postgres().new_database("template0")
    yield postgres().url(name)
    postgres().remove(name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The directory of a server that was stopped: a queue, two tasks, keys."""

    async def fill() -> None:
        store = SqliteStore(tmp_path / "data" / "kumo.db")
        await store.start()
        await store.create_queue(a_queue(), NOW)
        await store.add_tasks([a_task("a"), a_task("b")])
        await store.stop()
        keyring = Keyring(tmp_path / "data" / "keys", SystemClock())
        await keyring.start()
        await keyring.rotate()
        await keyring.account_key("123")

    asyncio.run(fill())
    (tmp_path / "data" / "tls").mkdir()
    (tmp_path / "data" / "tls" / "authority.pem").write_bytes(b"an authority")
    (tmp_path / "data" / "owner.json").write_bytes(b"an owner")
    return tmp_path / "data"


def keys(directory: Path) -> dict[str, bytes]:
    found = (path for path in directory.rglob("*") if path.suffix in (".json", ".pem"))
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


def test_a_store_is_counted(said: Said, data: Path) -> None:
    code, out, _ = said("check", "data", "--format=json")
    assert code == 0
    assert [(row["what"], row["rows"]) for row in json.loads(out) if row["rows"]] == [
        ("queue numbering", 1),
        ("queues", 1),
        ("tasks", 2),
    ]


def test_the_same_store_has_the_same_digests(said: Said, data: Path, url: str) -> None:
    said("copy", "data", url)
    assert said("check", "data") == said("check", url)


def test_keys_go_along_encrypted_and_come_back(
    said: Said, data: Path, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = keys(data)
    assert sorted(before) == ["keys/accounts/123.json", "keys/ring.json", "owner.json", "tls/authority.pem"]
    monkeypatch.setenv("KUMO_SECRET", SECRET)
    code, out, err = said("copy", "data", url)
    assert (code, err.endswith("So are the keys, encrypted with KUMO_SECRET.\n")) == (0, True)
    assert "tasks " in out
    code, _, err = said("copy", url, "back")
    assert (code, err.endswith("The keys are files in back.\n")) == (0, True)
    assert keys(tmp_path / "back") == before
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "back").rglob("*.json")} == {0o600}
    assert said("check", "back") == said("check", "data")  # no trace of the vault among the records


def test_without_a_secret_keys_stay_where_they_are(said: Said, data: Path, url: str) -> None:
    before = keys(data)
    code, _, err = said("copy", "data", url)
    assert (code, "so the keys are still files in data: every node needs them" in err) == (0, True)
    assert keys(data) == before


@pytest.mark.parametrize(
    ("secret", "sentence"),
    [("", "The keys in the store are encrypted: set KUMO_SECRET"), ("x" * 16, "encrypted with another KUMO_SECRET")],
)
def test_nothing_is_copied_where_the_keys_cannot_be_read(
    said: Said, data: Path, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret: str, sentence: str
) -> None:
    monkeypatch.setenv("KUMO_SECRET", SECRET)
    said("copy", "data", url)
    monkeypatch.setenv("KUMO_SECRET", secret)
    code, _, err = said("copy", url, "back")
    assert (code, sentence in err) == (1, True)
    assert not (tmp_path / "back").exists()


def test_keys_of_another_installation_are_not_written_over(said: Said, data: Path, tmp_path: Path) -> None:
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "owner.json").write_bytes(b"of somebody else")
    code, _, err = said("copy", "data", "back")
    assert (code, err) == (1, "ERROR: (kumo.store.copy) There are keys in back already: copy into a new directory.\n")
    assert keys(tmp_path / "back") == {"owner.json": b"of somebody else"}


def test_where_there_is_no_store_it_is_said(said: Said) -> None:
    assert said("check", "nowhere") == (1, "", "ERROR: (kumo.store.check) There is no store at nowhere/kumo.db.\n")


def test_another_kind_of_store_is_a_wrong_line(said: Said) -> None:
    code, _, err = said("copy", "mysql://db", "back")
    assert (code, err) == (2, "ERROR: (kumo.store.copy) --store mysql://db: not available in this version.\n")
