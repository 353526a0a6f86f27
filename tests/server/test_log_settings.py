"""Where log entries are kept, for how long and how many."""

from __future__ import annotations

from pathlib import Path

import pytest

from kumotasks.configuration.startup import gathered
from kumotasks.domain.clock import DAY
from kumotasks.server.judges import JUDGES
from kumotasks.settings import Settings


@pytest.mark.parametrize(
    ("store", "file"),
    [
        ("./kumo-data", "kumo-data/logs.db"),
        ("sqlite:////var/kumo/kumo.db", "/var/kumo/logs.db"),
        ("sqlite:////var/kumo/other.db", "/var/kumo/other.logs.db"),
    ],
)
def test_entries_lie_beside_the_store(store: str, file: str) -> None:
    assert Settings(store=store).logs_file == Path(file)


def test_time_and_size_are_settings(tmp_path: Path) -> None:
    assert (Settings().logs_keep, Settings().logs_size) == (30 * DAY, 1 << 30)
    config = tmp_path / "kumo.toml"
    config.write_text('[logs]\nkeep = "2d"\nsize = "16MiB"\n')
    settings = gathered({}, {}, config, JUDGES).settings
    assert (settings.logs_keep, settings.logs_size) == (2 * DAY, 16 << 20)
    assert gathered({}, {"KUMO_LOGS_SIZE": "1G"}, config, JUDGES).settings.logs_size == 1 << 30
