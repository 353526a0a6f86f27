"""docs/reference.md says what the tables say, and leaves out no call of a running server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kumotasks.configuration.startup import Startup
from kumotasks.server import node
from kumotasks.settings import Settings
from reference import page
from reference.calls import calls


def test_the_reference_is_not_stale() -> None:
    assert page.FILE.read_text(encoding="utf-8") == page.made(), (
        "docs/reference.md is stale: `make reference` renews it"
    )


def test_the_reference_has_every_call_of_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}

    class Told(node.Application):
        def __init__(self, **parts: Any) -> None:
            found.update(parts)
            super().__init__(**parts)

    monkeypatch.setattr(node, "Application", Told)
    node.Server(Startup(Settings(store=str(tmp_path))), announce=lambda addresses: None)
    routes, pages = calls()
    assert set(_named(found["routes"])) == set(_named(routes))
    assert set(_named(found["pages"])) == set(_named(pages))


def _named(rows: Any) -> Iterator[tuple[str, ...]]:
    """What tells calls apart; those that are a stream have no path, pages no name."""
    for row in rows:
        yield tuple(getattr(row, part, "") for part in ("service", "method", "verb", "path"))
