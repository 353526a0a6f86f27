"""Private files: closed from the first byte, whole or absent, whoever dies when."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kumotasks.auth import private_file

DYING = """
import os, sys
from pathlib import Path
from kumotasks.auth import private_file
setattr(os, sys.argv[2], lambda *_: os._exit(9))
private_file.write(Path(sys.argv[1]), b"new")
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    directory = tmp_path / "keys"
    private_file.make_directory(directory)
    return directory / "key"


def test_a_file_is_closed_to_others_when_its_first_byte_is_written(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = os.fsync

    def look(descriptor: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    monkeypatch.setattr(Path, "chmod", lambda *_: pytest.fail("a file is never narrowed later"))
    before = os.umask(0)
    try:
        private_file.write(place, b"secret")
    finally:
        os.umask(before)
    assert seen == [0o600, 0o700]  # the file, then its directory
    assert mode(place) == 0o600


def test_a_directory_is_closed_to_others(tmp_path: Path) -> None:
    private_file.make_directory(tmp_path / "a" / "keys")
    assert mode(tmp_path / "a" / "keys") == 0o700


def test_a_directory_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)
    private_file.make_directory(tmp_path / "keys")
    assert mode(tmp_path / "keys") == 0o700


def test_what_is_written_is_read_back(place: Path) -> None:
    private_file.write(place, b"one")
    private_file.write(place, b"two")
    assert private_file.read(place) == b"two"
    assert [each.name for each in place.parent.iterdir()] == ["key"]


def test_nothing_is_read_where_nothing_is(place: Path) -> None:
    assert private_file.read(place) is None


@pytest.mark.parametrize("step", ["fsync", "replace", "open", "fdopen"])
def test_a_write_that_fails_leaves_what_was_there(place: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    private_file.write(place, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, step, fail)
        with pytest.raises(OSError, match="No space"):
            private_file.write(place, b"new")
    assert private_file.read(place) == b"old"
    assert [each.name for each in place.parent.iterdir()] == ["key"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_process_that_dies_in_the_middle_leaves_what_was_there(place: Path, step: str) -> None:
    private_file.write(place, b"old")
    died = subprocess.run([sys.executable, "-c", DYING, str(place), step], check=False)
    assert died.returncode == 9
    assert private_file.read(place) == b"old"


def test_what_a_dead_writer_left_is_removed_by_the_next(place: Path) -> None:
    subprocess.run([sys.executable, "-c", DYING, str(place), "replace"], check=False)
    (left,) = place.parent.iterdir()
    assert mode(left) == 0o600
    with private_file.alone(place.parent):
        assert [each.name for each in place.parent.iterdir()] == [".lock"]
    assert mode(place.parent / ".lock") == 0o600


def test_a_planted_link_is_not_followed(tmp_path: Path, place: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"theirs")
    place.symlink_to(elsewhere)
    private_file.write(place, b"ours")
    assert elsewhere.read_bytes() == b"theirs"
    assert private_file.read(place) == b"ours"


def test_two_holders_of_a_directory_take_turns(place: Path) -> None:
    inside: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with private_file.alone(place.parent):
            inside.append("second")

    with private_file.alone(place.parent):
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait()
        private_file.write(place, b"x" * 1_000_000)  # long enough for the second to come in, were it let
        inside.append("first")
    thread.join()
    assert inside == ["first", "second"]
