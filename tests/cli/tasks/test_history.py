"""`kumo tasks history` and `kumo tasks dead-letters`, on tasks that really failed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.lines import Kumo, lines_to
from tests.running import Answer, KumoProcess, RecordingWorker, running

PLACE = "projects/p/locations/us-central1"
LATER = 3


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    """Its clock stands still: a task's next attempt is when it is said."""
    with running(tmp_path_factory.mktemp("letters"), "--clock", "manual") as server:
        yield server


@pytest.fixture
def kumo(
    shared: KumoProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Kumo:
    line = lines_to(shared, tmp_path / "home", monkeypatch, capsys)
    return lambda *words: line("tasks", *words)


@pytest.fixture
def refusing(worker: RecordingWorker) -> RecordingWorker:
    worker.answer = lambda arrival: Answer(503, body=b"come back later")
    return worker


def died(kumo: Kumo, server: KumoProcess, queue: str, url: str, *names: str, attempts: int = 2) -> None:
    """Tasks that ran out of attempts."""
    limits = (f"--max-attempts={attempts}", "--min-backoff=1s", "--max-backoff=1s")
    assert kumo("queues", "create", queue, *limits)[0] == 0
    for name in names:
        line = ("create-http-task", name, f"--queue={queue}", f"--url={url}/{name}", "--body-content=secret")
        assert kumo(*line)[0] == 0
    for _ in range(attempts):
        server.wait_idle()
        server.advance(LATER)
    server.wait_idle()


def test_each_attempt_is_told_with_why_the_next_was_when_it_was(
    kumo: Kumo, shared: KumoProcess, refusing: RecordingWorker
) -> None:
    died(kumo, shared, "told", refusing.url, "one")
    code, shown, err = kumo("history", "one", "--queue=told")
    assert (code, err) == (0, "")
    heads, *rows = shown.splitlines()
    assert heads.split() == ["NUMBER", "DISPATCH_TIME", "DURATION", "HTTP_STATUS", "STATUS", "NEXT_ATTEMPT", "REASON"]
    assert [row.split()[0] for row in rows] == ["1", "2"]
    assert all("UNAVAILABLE(14): HTTP status code 503" in row for row in rows)
    first, last = json.loads(kumo("history", f"{PLACE}/queues/told/tasks/one", "--format=json")[1])
    assert (first["httpStatus"], first["responseExcerpt"]) == (503, "come back later")
    assert first["nextScheduleTime"] == last["scheduleTime"]
    assert "nextScheduleTime" not in last
    assert kumo("history", "one", "--queue=told", "--page-size=1", "--format=value(number)")[1].split() == ["1", "2"]
    assert (
        kumo("history", "one", "--queue=told", "--sort-by=~number", "--limit=1", "--format=value(number)")[1] == "2\n"
    )


def test_a_task_that_never_was_has_no_history(kumo: Kumo) -> None:
    kumo("queues", "create", "empty")
    code, _, err = kumo("history", "nobody", "--queue=empty")
    assert code == 1
    assert err.startswith("ERROR: (kumo.tasks.history) NOT_FOUND: ")
    assert kumo("history", "nobody")[2].startswith("ERROR: (kumo.tasks.history) Must specify either the fully")
    assert kumo("dead-letters", "list", "--queue=empty") == (0, "", "Listed 0 items.\n")


def test_dead_letters_are_listed_and_described(kumo: Kumo, shared: KumoProcess, refusing: RecordingWorker) -> None:
    died(kumo, shared, "listed", refusing.url, "a", "b")
    code, shown, _ = kumo("dead-letters", "list", "--queue=listed")
    assert code == 0
    heads, *rows = shown.splitlines()
    assert heads.split() == ["DEAD_LETTER", "DEATH_TIME", "ATTEMPTS", "HTTP_STATUS", "LAST_ATTEMPT_STATUS", "REASON"]
    assert [row.split(".")[0] for row in rows] == ["a", "b"]
    assert all("last of 2 attempts" in row for row in rows)
    listed = ("dead-letters", "list", "--queue=listed", "--format=value(task.name.basename())")
    assert kumo(*listed, "--where=task:tasks/b")[1] == "b\n"
    assert kumo(*listed, "--filter=task.name:tasks/a")[1] == "a\n"
    assert kumo(*listed, "--page-size=1")[1] == "a\nb\n"
    assert kumo(*listed, "--where=(")[::2][0] == 1
    (address,) = kumo("dead-letters", "list", "--queue=listed", "--uri", "--limit=1")[1].split()
    found = json.loads(kumo("dead-letters", "describe", address, "--format=json")[1])
    assert found["task"]["name"] == f"{PLACE}/queues/listed/tasks/a"
    assert "body" not in found["task"]["httpRequest"]
    for named in ((f"{PLACE}/queues/listed/tasks/a",), ("a", "--queue=listed"), (found["name"],)):
        assert json.loads(kumo("dead-letters", "describe", *named, "--format=json")[1]) == found
    full = kumo("dead-letters", "describe", address, "--response-view=full", "--format=value(task.httpRequest.body)")[1]
    assert full == "c2VjcmV0\n"


def test_a_dead_letter_is_driven_again(kumo: Kumo, shared: KumoProcess, refusing: RecordingWorker) -> None:
    died(kumo, shared, "driven", refusing.url, "a", "b", "c")
    refusing.answer = lambda arrival: Answer()
    one = kumo("dead-letters", "redrive", "a", "--queue=driven")
    assert one == (0, "", f"Redrove dead letter [a] as task [{PLACE}/queues/driven/tasks/a].\n")
    some = kumo("dead-letters", "redrive", "--queue=driven", "--where=task:tasks/b", "--format=json")
    assert some == (0, '{\n  "tasksRedriven": 1\n}\n', "Redrove 1 dead letter to queue [us-central1/driven].\n")
    rest = kumo("dead-letters", "redrive", "--queue=driven", "--all")
    assert rest == (0, "", "Redrove 1 dead letter to queue [us-central1/driven].\n")
    shared.wait_idle()
    assert [arrival.task for arrival in refusing.arrivals[-3:]] == ["a", "b", "c"]
    assert {arrival.headers["x-cloudtasks-taskretrycount"] for arrival in refusing.arrivals[-3:]} == {"0"}
    nothing = kumo("dead-letters", "redrive", "--queue=driven", "--all")
    assert nothing == (0, "", "Redrove 0 dead letters to queue [us-central1/driven].\n")
    code, _, err = kumo("dead-letters", "redrive", "a", "--queue=driven")
    assert code == 1
    assert err.startswith("ERROR: (kumo.tasks.dead-letters.redrive) NOT_FOUND: ")


def test_dead_letters_are_purged_once_it_is_agreed(
    kumo: Kumo, shared: KumoProcess, refusing: RecordingWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    died(kumo, shared, "purged", refusing.url, "a", "b", "c", attempts=1)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, _, err = kumo("dead-letters", "purge", "--queue=purged", "--all")
    assert code == 1
    assert err.startswith("Are you sure you want to purge the dead letters of: [us-central1/purged] (Y/n)?")
    assert kumo("dead-letters", "purge", "a", "--queue=purged", "-q") == (0, "", "Purged dead letter [a].\n")
    some = kumo("dead-letters", "purge", "--queue=purged", "--where=url:/b", "-q")
    assert some == (0, "", "Purged 1 dead letter of queue [us-central1/purged].\n")
    assert kumo("dead-letters", "list", "--queue=purged", "--format=value(task.name.basename())")[1] == "c\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--queue=q",), "Say which: one DEAD_LETTER, --where=EXPRESSION, or --all."),
        (("a", "--queue=q", "--all"), "Say which: one DEAD_LETTER, --where=EXPRESSION, or --all."),
        (("--queue=q", "--where=", "-q"), "argument --where: an empty expression holds for all of them: say --all."),
        (("--all",), "argument --queue: Must be specified."),
        (("a",), "Must specify either the fully qualified dead letter path or the queue flag."),
    ],
)
@pytest.mark.parametrize("verb", ["redrive", "purge"])
def test_a_line_that_does_not_say_which_does_nothing(
    kumo: Kumo, verb: str, words: tuple[str, ...], sentence: str
) -> None:
    code, out, err = kumo("dead-letters", verb, *words)
    assert (code, out) == (2, "")
    assert err == f"ERROR: (kumo.tasks.dead-letters.{verb}) {sentence}\n"
