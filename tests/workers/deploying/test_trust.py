"""The secret of those who may have commands run here."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumotasks.domain.errors import StorageUnavailable
from kumotasks.workers.deploying.trust import Trust


async def started(path: Path) -> Trust:
    trust = Trust(path)
    await trust.start()
    return trust


async def test_whoever_can_read_the_file_is_trusted(tmp_path: Path) -> None:
    trust = await started(tmp_path / "data" / "run-secret")
    secret = trust.path.read_text()
    assert trust.path.stat().st_mode & 0o777 == 0o600
    assert len(secret) == 64
    assert trust.judge(secret)
    assert trust.judge(f" {secret}\n")


async def test_nobody_else_is(tmp_path: Path) -> None:
    trust = await started(tmp_path / "run-secret")
    secret = trust.path.read_text()
    for header in ("", " ", secret[:-1], f"{secret}0", f"x{secret[1:]}", "ü", "\ud800"):
        assert not trust.judge(header)


async def test_before_it_has_started_it_trusts_nobody(tmp_path: Path) -> None:
    assert not Trust(tmp_path / "run-secret").judge("")


async def test_the_secret_outlives_the_process(tmp_path: Path) -> None:
    first, second = await started(tmp_path / "run-secret"), await started(tmp_path / "run-secret")
    assert second.judge(first.path.read_text())


@pytest.mark.parametrize(("content", "mode"), [("a" * 64, 0o640), ("a" * 64, 0o604), ("a" * 10, 0o600), ("", 0o600)])
async def test_a_secret_that_others_may_know_is_made_anew(content: str, mode: int, tmp_path: Path) -> None:
    path = tmp_path / "run-secret"
    path.write_text(content)
    path.chmod(mode)
    trust = await started(path)
    assert not trust.judge(content)
    assert trust.judge(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600


async def test_that_it_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable, match=r"the secret .* cannot be written"):
        await started(tmp_path / "file" / "run-secret")
