"""The database, on SQLite and on PostgreSQL: what many do at once counts once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy.exc import OperationalError

from examples.yuichat.questions.question import Question
from examples.yuichat.storage import Document, Status, Storage
from tests.postgres import cut_off, postgres

T = TypeVar("T")
MANY = 8
QUESTIONS = (
    Question("谁发明了韩文？", "世宗大王", "世宗大王发明了韩文。"),
    Question("何が高い？", "富士山", "富士山は高い。"),
)


def at_once(work: Callable[[int], T], count: int = MANY) -> list[T]:
    """Results of `count` threads that begin together."""
    ready = threading.Barrier(count)

    def run(number: int) -> T:
        ready.wait(20)
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


def test_a_document_is_kept_to_the_letter(storage: Storage) -> None:
    text = "첫 문장.\n둘째 '문장' \"%s\" $1 :x 😀\\"
    added = storage.add("한글 'a'.pdf", "pdf", text)
    assert added == Document(added.id, "한글 'a'.pdf", "pdf", text, Status.PENDING)
    assert storage.document(added.id) == added


def test_questions_keep_their_order(storage: Storage) -> None:
    number = storage.add("a", "text", "x").id
    storage.begin(number)
    assert storage.finish(number, QUESTIONS)
    assert storage.questions(number) == QUESTIONS
    assert storage.document(number) == Document(number, "a", "text", "x", Status.READY, tries=1)


def test_a_text_without_questions_is_ready_too(storage: Storage) -> None:
    number = storage.add("a", "text", "x").id
    assert storage.finish(number, ())
    assert storage.document(number) == Document(number, "a", "text", "x", Status.READY)


def test_of_many_who_finish_at_once_one_is_first_and_only_his_questions_stay(storage: Storage) -> None:
    number = storage.add("a", "text", "x").id
    firsts = at_once(lambda mine: storage.finish(number, [Question(f"{mine}?", str(mine), "")] * (mine + 1)))
    assert sorted(firsts) == [False] * (MANY - 1) + [True]
    first = firsts.index(True)
    assert storage.questions(number) == (Question(f"{first}?", str(first), ""),) * (first + 1)


def test_each_try_is_counted_however_many_begin_at_once(storage: Storage) -> None:
    number = storage.add("a", "text", "x").id
    tries = [begun.tries for begun in at_once(lambda _: storage.begin(number)) if begun]
    assert len(tries) == MANY
    found = storage.document(number)
    assert found is not None
    assert (found.tries, found.status) == (MANY, Status.GENERATING)


def test_what_is_ready_is_neither_begun_nor_failed_again(storage: Storage) -> None:
    number = storage.add("a", "text", "x").id
    storage.finish(number, QUESTIONS)
    before = storage.document(number)
    storage.fail(number, "too late")
    assert storage.begin(number) == storage.document(number) == before


def test_a_failure_is_told_until_a_try_succeeds(storage: Storage) -> None:
    number = storage.add("a", "text", "x").id
    storage.begin(number)
    storage.fail(number, "no model")
    assert storage.document(number) == Document(number, "a", "text", "x", Status.FAILED, 1, "no model")
    storage.begin(number)
    storage.finish(number, ())
    assert storage.document(number) == Document(number, "a", "text", "x", Status.READY, 2)


def test_nobody_is_found_where_nobody_is(storage: Storage) -> None:
    assert storage.document(1) is None
    assert storage.begin(1) is None
    assert storage.finish(1, QUESTIONS) is False
    assert storage.questions(1) == ()
    assert storage.documents() == ()


def test_documents_are_listed_from_the_newest_in_pages(storage: Storage) -> None:
    added = [storage.add(str(number), "text", "x") for number in range(103)]
    page = storage.documents()
    assert page == tuple(reversed(added[3:]))
    assert storage.documents(before=page[-1].id) == tuple(reversed(added[:3]))


def test_many_that_start_at_once_make_the_tables_once(database: str) -> None:
    storages = [Storage(database) for _ in range(MANY)]
    at_once(lambda mine: storages[mine].prepare())
    storages[0].add("a", "text", "x")
    assert {len(storage.documents()) for storage in storages} == {1}
    for storage in storages:
        storage.close()


def test_what_is_stored_outlives_the_application(database: str) -> None:
    first = Storage(database)
    first.prepare()
    added = first.add("a", "text", "x")
    first.close()
    second = Storage(database)
    second.prepare()
    assert second.documents() == (added,)
    second.close()


def test_a_lost_connection_is_replaced() -> None:
    server = postgres()
    name = server.new_database("template0")
    storage = Storage(server.url(name).replace("postgresql://", "postgres://"))
    storage.prepare()
    added = storage.add("a", "text", "x")
    server.execute(cut_off(name))
    assert storage.document(added.id) == added
    storage.close()
    server.remove(name)


def test_a_server_that_is_not_there_is_an_error_of_sqlalchemys() -> None:
    storage = Storage("postgresql://nobody@127.0.0.1:1/x")
    with pytest.raises(OperationalError):
        storage.prepare()
    storage.close()
