"""Whose program is at the other end of a connection."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from kumotasks.workers.metadata.neighbour import is_ours, owner

LINES = [
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0",
    "   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 2 1 0 100 0 0 10 0",
]


def test_the_user_stands_beside_both_addresses() -> None:
    assert owner(LINES, "0100007F:C350", "0100007F:1F90") == 1001
    assert owner(LINES, "0100007F:1F90", "0100007F:C350") is None


def test_a_connection_of_ours_is_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        assert is_ours(client.getsockname(), listener.getsockname())


def test_a_connection_of_another_user_is_not(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    other = LINES[1].replace(" 1001 ", f" {os.getuid() + 1} ")
    table.write_text(f"heading\n{other}\n")
    assert not is_ours(("127.0.0.1", 50_000), ("127.0.0.1", 8_080), table)
    table.write_text(f"heading\n{LINES[1].replace(' 1001 ', f' {os.getuid()} ')}\n")
    assert is_ours(("127.0.0.1", 50_000), ("127.0.0.1", 8_080), table)


def test_where_nobody_keeps_a_table_everybody_is(tmp_path: Path) -> None:
    assert is_ours(("127.0.0.1", 50_000), ("127.0.0.1", 8_080), tmp_path / "missing")
