"""The issuer's certificates: kept as long as he says, fetched once for many, and not for every liar."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from kumotasks.client.certificates import AT_MOST_EVERY, Certificates, KeysUnreachable, fetched
from tests.auth.proving import pair
from tests.client.signing import Publisher
from tests.running import Answer, RecordingWorker

URL = "https://issuer.example/certs"
KNOWN = pair(1).key_id


class Stopwatch:
    """Seconds that pass when told."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def kept(publisher: Publisher) -> tuple[Stopwatch, Callable[[object], object]]:
    clock = Stopwatch()
    return clock, Certificates(URL, fetch=publisher, clock=clock).having


def test_a_list_is_kept_for_as_long_as_it_says() -> None:
    publisher = Publisher(1, age=100)
    clock, having = kept(publisher)
    assert having(KNOWN) == {KNOWN: pair(1).certificate}
    clock.seconds = 99
    having(KNOWN)
    assert publisher.fetches == 1
    clock.seconds = 100
    having(KNOWN)
    assert publisher.fetches == 2


def test_a_key_that_is_new_makes_it_be_fetched_but_not_for_every_liar() -> None:
    publisher = Publisher(1)
    clock, having = kept(publisher)
    having(KNOWN)
    publisher.numbers = (1, 2)
    assert pair(2).key_id not in dict.fromkeys(having(pair(2).key_id))  # type: ignore[call-overload]
    assert publisher.fetches == 1
    clock.seconds = AT_MOST_EVERY
    assert pair(2).key_id in dict.fromkeys(having(pair(2).key_id))  # type: ignore[call-overload]
    for _ in range(9):
        having("no such key")
    assert publisher.fetches == 2


def test_what_is_known_needs_no_issuer() -> None:
    publisher = Publisher(1)
    clock, having = kept(publisher)
    having(KNOWN)
    publisher.broken = KeysUnreachable("gone")
    clock.seconds = 3_599
    assert having(KNOWN) == {KNOWN: pair(1).certificate}
    clock.seconds = 3_600
    with pytest.raises(KeysUnreachable):
        having(KNOWN)


def test_a_list_is_fetched_with_the_age_in_its_header(worker: RecordingWorker) -> None:
    headers = {"Cache-Control": "public, max-age=120, must-revalidate"}
    worker.answer = lambda arrival: Answer(headers=headers, body=json.dumps({"a": "PEM"}).encode())
    assert fetched(f"{worker.url}/certs") == ({"a": "PEM"}, 120)
    worker.answer = lambda arrival: Answer(body=b"{}")
    assert fetched(f"{worker.url}/certs") == ({}, 0)


@pytest.mark.parametrize("answer", [Answer(500), Answer(body=b"<html>"), Answer(body=b"[]"), Answer(body=b'{"a": 1}')])
def test_what_is_no_list_is_none(worker: RecordingWorker, answer: Answer) -> None:
    worker.answer = lambda arrival: answer
    with pytest.raises(KeysUnreachable):
        fetched(f"{worker.url}/certs")


def test_nobody_there_is_said() -> None:
    with pytest.raises(KeysUnreachable, match=r"127\.0\.0\.1:1"):
        fetched("http://127.0.0.1:1/certs")


def test_only_http_is_fetched() -> None:
    with pytest.raises(ValueError, match="file:///etc/passwd"):
        Certificates("file:///etc/passwd")
