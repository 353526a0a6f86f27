"""`kumo tasks batch-create`, and the task's own retries: what the server has afterwards, and the exit codes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kumotasks.cli.main import main
from tests.running import KumoProcess, running

QUEUE = "projects/p/locations/us-central1/queues/q"
URL = "http://127.0.0.1:9/"
Kumo = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("batch"), "--project", "p", "--clock", "manual") as server:
        yield server


@pytest.fixture
def kumo(
    shared: KumoProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Kumo:
    """Runs `kumo tasks ...` with a paused queue q that is empty: exit code, output, errors."""
    monkeypatch.setenv("KUMO_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("KUMO_ENDPOINT", f"http://{shared.address}")
    monkeypatch.setenv("KUMO_TASKS_LOCATION", "us-central1")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["tasks", *words])
        return (code, *capsys.readouterr())

    run("queues", "create", "q")
    run("queues", "pause", "q")
    run("queues", "purge", "q", "--quiet")
    return run


def names(kumo: Kumo) -> list[str]:
    return kumo("list", "--queue=q", "--format=value(name.basename())", "--sort-by=name")[1].split()


def listed(*named: str) -> str:
    return json.dumps([{"name": name, "httpRequest": {"url": URL}} for name in named])


@pytest.mark.parametrize(
    ("create", "more"), [("create-http-task", (f"--url={URL}",)), ("create-app-engine-task", ())], ids=["http", "app"]
)
def test_a_task_has_retries_of_its_own(kumo: Kumo, create: str, more: tuple[str, ...]) -> None:
    limits = ("--max-attempts=3", "--max-retry-duration=60s")
    waits = ("--min-backoff=1s", "--max-backoff=2.5s", "--max-doublings=4")
    assert kumo(create, "--queue=q", *more, *limits, *waits)[0] == 0
    (task,) = json.loads(kumo("list", "--queue=q", "--format=json")[1])
    assert task["retryConfig"] == {
        "maxAttempts": 3,
        "maxRetryDuration": "60s",
        "minBackoff": "1s",
        "maxBackoff": "2.500s",
        "maxDoublings": 4,
    }


def test_without_these_flags_the_queue_decides(kumo: Kumo) -> None:
    kumo("create-http-task", "--queue=q", f"--url={URL}")
    assert "retryConfig" not in json.loads(kumo("list", "--queue=q", "--format=json")[1])[0]
    kumo("create-http-task", "endless", "--queue=q", f"--url={URL}", "--max-attempts=unlimited")
    assert kumo("describe", "endless", "--queue=q", "--format=value(retryConfig.maxAttempts)")[1] == "-1\n"


def test_a_yaml_file_of_tasks_is_taken_as_it_is_written(kumo: Kumo, shared: KumoProcess, tmp_path: Path) -> None:
    later = f"{str(shared.http('POST', '/kumo/v1/clock:advance', {'seconds': 0})[1]['now'])[:10]}T23:59:59Z"
    (tmp_path / "tasks.yaml").write_text(
        f"""\
tasks:
- name: one
  scheduleTime: {later}
  httpRequest: &request {{url: http://127.0.0.1:9/, body: 1234, headers: {{X-A: on, X-B: 007}}}}
  retryConfig: {{maxAttempts: -1}}
- task: {{httpRequest: {{<<: *request, httpMethod: PUT}}, name: two, scheduleTime: null}}
  responseView: FULL
"""
    )
    done = kumo("batch-create", "--queue=q", "--tasks-from-file=tasks.yaml", "--format=value(name.basename())")
    assert done == (0, "one\ntwo\n", "Created 2 tasks in queue [us-central1/q].\n")
    one = json.loads(kumo("describe", "one", "--queue=q", "--response-view=full", "--format=json")[1])
    assert (one["scheduleTime"], one["httpRequest"]["body"]) == (later, "1234")
    assert {**one["httpRequest"]["headers"], "X-A": "on", "X-B": "007"} == one["httpRequest"]["headers"]
    assert one["retryConfig"]["maxAttempts"] == -1


def test_more_than_a_hundred_go_in_several_calls(kumo: Kumo, tmp_path: Path) -> None:
    wanted = [f"t{number:03}" for number in range(201)]
    (tmp_path / "tasks.json").write_text(listed(*wanted))
    line = ("batch-create", "--queue=q", "--tasks-from-file=tasks.json")
    assert kumo(*line, "--dry-run") == (0, "", "Would create 201 tasks in queue [us-central1/q].\n")
    assert names(kumo) == []
    assert kumo(*line) == (0, "", "Created 201 tasks in queue [us-central1/q].\n")
    assert names(kumo) == wanted


def test_what_failed_is_told_and_kept_and_can_be_tried_again(kumo: Kumo, tmp_path: Path) -> None:
    wanted = [f"a{number:03}" for number in range(102)]
    for taken in (wanted[1], wanted[101]):
        kumo("create-http-task", taken, "--queue=q", f"--url={URL}")
    (tmp_path / "tasks.json").write_text(listed(*wanted))
    line = ("batch-create", "--queue=q", "--failed-tasks-file=failed.json")
    code, _, err = kumo(*line, "--tasks-from-file=tasks.json")
    assert code == 2
    assert err.splitlines() == [
        "task 2: ALREADY_EXISTS: Requested entity already exists",
        "task 102: ALREADY_EXISTS: Requested entity already exists",
        "Created 100 of 102 tasks in queue [us-central1/q].",
    ]
    kept = json.loads((tmp_path / "failed.json").read_text())
    assert [(each["task"]["name"], each["error"]["code"]) for each in kept] == [
        (f"{QUEUE}/tasks/a001", 6),
        (f"{QUEUE}/tasks/a101", 6),
    ]
    code, _, err = kumo(*line, "--tasks-from-file=failed.json")
    assert (code, err.splitlines()) == (
        1,
        [
            "tasks 1 to 2: ALREADY_EXISTS: Requested entity already exists",
            "ERROR: (kumo.tasks.batch-create) None of 2 tasks was created in queue [us-central1/q].",
        ],
    )
    (tmp_path / "failed.json").write_text((tmp_path / "failed.json").read_text().replace("/a", "/b"))
    assert kumo(*line, "--tasks-from-file=failed.json")[0] == 0
    assert (tmp_path / "failed.json").read_text() == "[]\n"


def test_a_call_that_is_refused_whole_fails_its_own_tasks_alone(kumo: Kumo, tmp_path: Path) -> None:
    tasks = [{"httpRequest": {"url": URL}, **({"wrong": 1} if place == 5 else {})} for place in range(101)]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    code, _, err = kumo("batch-create", "--queue=q", "--tasks-from-file=tasks.json", "--failed-tasks-file=f")
    assert code == 2
    assert err.startswith("tasks 1 to 100: INVALID_ARGUMENT: ")
    assert len(names(kumo)) == 1
    assert len(json.loads((tmp_path / "f").read_text())) == 100


def test_no_server_and_no_queue_are_total_failures(kumo: Kumo, tmp_path: Path) -> None:
    (tmp_path / "tasks.json").write_text(listed("x", "y"))
    line = ("batch-create", "--tasks-from-file=tasks.json", "--project=p", "--failed-tasks-file=f")
    code, _, err = kumo(*line, "--queue=none")
    assert (code, err.splitlines()[0].split(":")[:2]) == (1, ["tasks 1 to 2", " NOT_FOUND"])
    (tmp_path / "f").unlink()
    assert kumo(*line, "--queue=q", "--endpoint=http://127.0.0.1:9")[0] == 1
    assert len(json.loads((tmp_path / "f").read_text())) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no tasks"),
        ("{]", "is neither JSON nor YAML"),
        ("[" * 100_000, "is nested too deeply"),
        ("- 1", "task 1 is no task"),
        ("- {httpRequest: {url: x}}\n- {name: x}", "task 2: say whom it calls"),
        (f"- {{httpRequest: {{url: x}}, name: {QUEUE}x/tasks/y}}", "is no task of queue"),
        ("- {httpRequest: {url: x}, name: a/b}", "is no task of queue"),
        ("- task: [1]", "task 1 is no task"),
        ("- !!python/name:os.system x", "is neither JSON nor YAML"),
    ],
)
def test_a_file_that_is_wrong_makes_nothing(kumo: Kumo, tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "tasks").write_text(content)
    code, _, err = kumo("batch-create", "--queue=q", "--tasks-from-file=tasks")
    assert (code, names(kumo)) == (1, [])
    assert said in err


def test_several_tasks_are_deleted_at_once_and_one_that_is_not_there_is_told(kumo: Kumo, tmp_path: Path) -> None:
    (tmp_path / "tasks.json").write_text(listed("a", "b", "c", "d"))
    kumo("batch-create", "--queue=q", "--tasks-from-file=tasks.json")
    assert kumo("batch-delete", "a", f"{QUEUE}/tasks/b", "a", "--queue=q", "--quiet") == (
        0,
        "",
        "Deleted 2 tasks in queue [us-central1/q].\n",
    )
    assert names(kumo) == ["c", "d"]
    code, out, err = kumo("batch-delete", "nope", "c", "--queue=q", "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith("task 1: NOT_FOUND: ")
    assert err.endswith("\nDeleted 1 of 2 tasks in queue [us-central1/q].\n")
    assert kumo("batch-delete", "nope", "--queue=q", "--quiet")[0] == 1
    assert names(kumo) == ["d"]


def test_tasks_of_two_queues_are_not_deleted_by_one_line(kumo: Kumo) -> None:
    code, _, err = kumo("batch-delete", f"{QUEUE}/tasks/a", f"{QUEUE}2/tasks/b", "--quiet")
    assert code == 1
    assert err.endswith("are in different queues: write a line for each queue.\n")


def test_who_says_no_deletes_nothing(kumo: Kumo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tasks.json").write_text(listed("kept"))
    kumo("batch-create", "--queue=q", "--tasks-from-file=tasks.json")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert kumo("batch-delete", "kept", "--queue=q")[0] == 1
    assert names(kumo) == ["kept"]
