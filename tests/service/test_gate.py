"""The door: results and refusals pass, anything else becomes a fault that was logged once; all of it is counted."""

from __future__ import annotations

import logging

import pytest

from kumotasks.domain.errors import InternalFault, KumoError, QueueNotFound
from kumotasks.domain.principal import ANONYMOUS
from kumotasks.service.gate import Gate


async def fine() -> str:
    return "result"


async def refused() -> str:
    raise QueueNotFound


async def broken() -> str:
    raise ZeroDivisionError


async def test_results_and_refusals_pass_and_faults_are_hidden(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    assert await gate.through("GetQueue", ANONYMOUS, (), fine) == "result"
    with pytest.raises(QueueNotFound):
        await gate.through("GetQueue", ANONYMOUS, (), refused)
    assert caplog.records == []
    with caplog.at_level(logging.ERROR, "kumotasks.service"), pytest.raises(InternalFault) as hidden:
        await gate.through("GetQueue", ANONYMOUS, (), broken)
    assert isinstance(hidden.value, KumoError)
    assert "Zero" not in hidden.value.message
    assert [record.message for record in caplog.records] == ["call failed inside the server"]
    assert gate.calls == {
        ("GetQueue", "OK"): 1,
        ("GetQueue", "QueueNotFound"): 1,
        ("GetQueue", "InternalFault"): 1,
    }
