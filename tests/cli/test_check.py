"""`kumo config check`, and that `kumo serve` says the same of the same file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kumotasks.cli.main import main
from kumotasks.cli.serve import serve

GOOD = """
queue_yaml = "queue.yaml"
queue = ["plain"]
[[queues]]
name = "mail"
rateLimits.maxDispatchesPerSecond = 5
[[service_accounts]]
id = "sender"
[[bindings]]
role = "roles/cloudtasks.enqueuer"
members = ["serviceAccount:sender@kumo-local.iam.gserviceaccount.com"]
condition.expression = "request.time < timestamp('2030-01-01T00:00:00Z')"
"""
YAML = "queue:\n- {name: slow, rate: 6/m}\n- {name: held, rate: 0}\n"
BAD = "prot = 1\n[[queues]]\nname = 'mail'\nrateLimits = {maxDispatchesPerSecond = 900}\n"
HERE = "projects/kumo-local/locations/us-central1/queues"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUMO_CONFIG_DIR", str(tmp_path))
    for name in ("KUMO_QUEUE_YAML", "KUMO_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def test_a_good_file_says_what_it_would_create(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kumo.toml").write_text(GOOD)
    (tmp_path / "queue.yaml").write_text(YAML)
    assert main(["config", "check", "kumo.toml", "--format=json"]) == 0
    out, err = capsys.readouterr()
    assert [(each["kind"], each["name"]) for each in json.loads(out)] == [
        ("queue", f"{HERE}/plain"),
        ("queue", f"{HERE}/mail"),
        ("queue", f"{HERE}/slow"),
        ("queue", f"{HERE}/held"),
        ("service account", "sender@kumo-local.iam.gserviceaccount.com"),
        ("binding", "projects/kumo-local"),
    ]
    assert json.loads(out)[1]["details"] == "5/s, bucket 10, 1000 at once, 100 attempts, backoff 0.1s to 3600s"
    assert err == "kumo.toml is in order; a start by it brings these into being, or in line:\n"


def test_a_queue_yaml_is_known_by_its_ending(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "queue.yaml").write_text(YAML)
    assert main(["config", "check", "queue.yaml", "--format=value(name.basename(), details)"]) == 0
    assert capsys.readouterr()[0].splitlines() == [
        "slow\t0.1/s, bucket 5, 1000 at once, attempts without end, backoff 0.1s to 3600s",
        "held\tpaused, bucket 5, 1000 at once, attempts without end, backoff 0.1s to 3600s",
    ]


def test_a_file_that_declares_nothing_is_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kumo.toml").write_text("port = 1\n")
    assert main(["config", "check", "kumo.toml"]) == 0
    assert capsys.readouterr() == ("", "kumo.toml is in order; it declares nothing to create.\n")


def test_check_and_serve_tell_the_same_problems_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kumo.toml").write_text(BAD)
    lines = [
        "kumo.toml:1:1: there is no setting 'prot'. Did you mean 'port'?",
        "kumo.toml:4:40: RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
    ]
    assert main(["config", "check", "kumo.toml"]) == 2
    assert capsys.readouterr() == (
        "",
        "\n".join(["ERROR: (kumo.config.check) kumo.toml cannot be used:", *lines, ""]),
    )
    assert serve({}, "kumo.toml") == 2
    assert capsys.readouterr() == ("", "".join(f"kumo: {line}\n" for line in lines))
    assert not (tmp_path / "kumo-data").exists()


def test_a_queue_yaml_on_the_line_is_judged_before_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "queue.yaml").write_text("queue:\n- {name: a, mode: pull}\n")
    assert main(["serve", "--queue-yaml", "queue.yaml"]) == 2
    assert capsys.readouterr()[1] == (
        "kumo: queue.yaml:2:19: there are no pull queues here: a queue pushes its tasks, so leave mode away.\n"
    )


def test_a_file_that_is_not_there_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "none.toml"]) == 2
    assert "none.toml: No such file or directory." in capsys.readouterr()[1]
