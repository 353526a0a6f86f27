"""`kumo tasks queues`: what each line asks of a server and what it prints."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kumotasks.cli.main import main
from tests.running import KumoProcess, running

PLACE = "projects/p/locations/us-central1"
Kumo = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("queues")) as server:
        yield server


@pytest.fixture
def kumo(
    shared: KumoProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Kumo:
    """Runs `kumo tasks ...` with a home of its own: exit code, output, errors."""
    monkeypatch.setenv("KUMO_CONFIG_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("KUMO_ENDPOINT", f"http://{shared.address}")
    monkeypatch.setenv("KUMO_CORE_PROJECT", "p")
    monkeypatch.setenv("KUMO_TASKS_LOCATION", "us-central1")

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["tasks", *words])
        return (code, *capsys.readouterr())

    return run


def queue(server: KumoProcess, name: str) -> dict[str, object]:
    status, found = server.http("GET", f"/v2/{PLACE}/queues/{name}")
    assert status == 200, found
    return found


def test_a_queue_is_made_with_its_five_limits(kumo: Kumo, shared: KumoProcess) -> None:
    limits = ("--max-dispatches-per-second=10", "--max-concurrent-dispatches=5", "--max-attempts=3")
    made = kumo("queues", "create", "yuichat-tasks", *limits, "--min-backoff=10s", "--max-backoff=300s")
    assert made == (0, "", "Created queue [us-central1/yuichat-tasks].\n")
    found = queue(shared, "yuichat-tasks")
    assert found["rateLimits"] == {"maxBurstSize": 10, "maxConcurrentDispatches": 5, "maxDispatchesPerSecond": 10}
    assert found["retryConfig"] == {
        "maxAttempts": 3,
        "maxBackoff": "300s",
        "maxDoublings": 16,
        "minBackoff": "10s",
    }


def test_a_queue_is_made_where_the_server_says_if_no_location_is_given(
    kumo: Kumo, shared: KumoProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUMO_TASKS_LOCATION")
    code, _, err = kumo("queues", "create", "sample-queue", "--log-sampling-ratio=1.0", "--max-doublings", "4")
    assert code == 0
    assert err.splitlines()[-1] == "Created queue [us-central1/sample-queue]."
    assert queue(shared, "sample-queue")["stackdriverLoggingConfig"] == {"samplingRatio": 1}


def test_overrides_become_an_http_target(kumo: Kumo, shared: KumoProcess) -> None:
    uri = "--http-uri-override=^;^scheme:https;host:a.b;port:80;path:/x;query:a=b,c=d;mode:ALWAYS"
    headers = ("--http-header-override=C: d", "--http-header-override=A:b")
    token = ("--http-oidc-service-account-email-override=a@p.iam.gserviceaccount.com",)
    assert kumo("queues", "create", "target", uri, "--http-method-override=get", *headers, *token)[0] == 0
    assert queue(shared, "target")["httpTarget"] == {
        "uriOverride": {
            "scheme": "HTTPS",
            "host": "a.b",
            "port": "80",
            "pathOverride": {"path": "/x"},
            "queryOverride": {"queryParams": "a=b,c=d"},
            "uriOverrideEnforceMode": "ALWAYS",
        },
        "httpMethod": "GET",
        "headerOverrides": [{"header": {"key": "A", "value": "b"}}, {"header": {"key": "C", "value": "d"}}],
        "oidcToken": {"serviceAccountEmail": "a@p.iam.gserviceaccount.com"},
    }


def test_an_update_changes_what_it_names_and_clears_what_it_clears(kumo: Kumo, shared: KumoProcess) -> None:
    kumo("queues", "create", "changing", "--max-attempts=3", "--max-backoff=5s", "--max-doublings=2")
    code, out, err = kumo(
        "queues", "update", "changing", "--max-attempts=unlimited", "--clear-max-backoff", "--format=json"
    )
    assert (code, err) == (0, "Updated queue [us-central1/changing].\n")
    assert json.loads(out)["rateLimits"]["maxDispatchesPerSecond"] == 500.0
    assert queue(shared, "changing")["retryConfig"] == {
        "maxAttempts": -1,
        "maxBackoff": "3600s",
        "maxDoublings": 2,
        "minBackoff": "0.100s",
    }
    assert kumo("queues", "update", "changing")[::2] == (
        1,
        "ERROR: (kumo.tasks.queues.update) Must specify at least one field to update.\n",
    )


def test_a_queue_is_described_by_id_name_and_url(kumo: Kumo, shared: KumoProcess) -> None:
    kumo("queues", "create", "named")
    shown = kumo("queues", "describe", "named")
    assert shown[1].splitlines()[:5] == [
        f"name: {PLACE}/queues/named",
        "rateLimits:",
        "  maxBurstSize: 100",
        "  maxConcurrentDispatches: 1000",
        "  maxDispatchesPerSecond: 500.0",
    ]
    assert kumo("queues", "describe", f"{PLACE}/queues/named") == shown
    assert kumo("queues", "describe", f"https://cloudtasks.googleapis.com/v2/{PLACE}/queues/named") == shown


@pytest.mark.parametrize("words", [("a/b",), ("",), ("https://cloudtasks.googleapis.com/v2/projects/p",)])
def test_what_names_no_queue_is_said_so(kumo: Kumo, words: tuple[str, ...]) -> None:
    code, _, err = kumo("queues", "describe", *words)
    assert code == 1
    assert "could not parse resource" in err


def test_pause_resume_and_purge_say_what_they_did(kumo: Kumo, shared: KumoProcess) -> None:
    kumo("queues", "create", "moody")
    assert kumo("queues", "pause", "moody") == (0, "", "Paused queue [us-central1/moody].\n")
    assert queue(shared, "moody")["state"] == "PAUSED"
    assert kumo("queues", "resume", "moody") == (0, "", "Resumed queue [us-central1/moody].\n")
    assert kumo("queues", "purge", "moody", "-q") == (0, "", "Purged queue [us-central1/moody].\n")
    assert "purgeTime" in queue(shared, "moody")


def test_a_deletion_asks_first(kumo: Kumo, shared: KumoProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    kumo("queues", "create", "kept")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, _, err = kumo("queues", "delete", "kept")
    assert code == 1
    assert err.startswith("Deleted queues can not be re-created for a duration of up to 7 days. Are you")
    assert err.endswith("ERROR: (kumo.tasks.queues.delete) Aborted by user.\n")
    queue(shared, "kept")
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert kumo("queues", "delete", "kept")[0] == 0
    assert shared.http("GET", f"/v2/{PLACE}/queues/kept")[0] == 404


def test_a_list_has_googles_columns_and_can_be_empty(kumo: Kumo) -> None:
    kumo("queues", "create", "listed", "--location=us-east1", "--max-attempts=-1")
    assert kumo("queues", "list", "--location=us-east1")[1].splitlines() == [
        "QUEUE_NAME  STATE    MAX_NUM_OF_TASKS  MAX_RATE (/sec)  MAX_ATTEMPTS",
        "listed      RUNNING  1000              500.0            unlimited",
    ]
    assert kumo("queues", "list", "--location=us-east4") == (0, "", "Listed 0 items.\n")
    _, out, _ = kumo("queues", "list", "--location=us-east1", "--uri")
    assert out.endswith("/v2/projects/p/locations/us-east1/queues/listed\n")


def test_pages_are_followed_and_a_limit_ends_them(kumo: Kumo) -> None:
    for name in ("a", "b", "c"):
        kumo("queues", "create", name, "--location=us-west1")
    listed = ("queues", "list", "--location=us-west1", "--page-size=1", "--format=value(name)")
    assert kumo(*listed)[1].split() == ["a", "b", "c"]
    assert kumo(*listed, "--limit=2", "--sort-by=~name")[1].split() == ["c", "b"]
    assert kumo(*listed, "--filter=nope:x")[2] == "WARNING: no item has the field nope, which --filter names.\n"


def test_a_refusal_has_its_name(kumo: Kumo) -> None:
    code, out, err = kumo("queues", "describe", "nowhere")
    assert (code, out) == (1, "")
    assert err.startswith("ERROR: (kumo.tasks.queues.describe) NOT_FOUND: Queue does not exist.")
    assert kumo("queues", "create", "x", "--min-backoff=5")[0] == 1


def test_bindings_come_and_go(kumo: Kumo, tmp_path: Path) -> None:
    kumo("queues", "create", "shared")
    who = ("--member=user:a@b.c", "--role=roles/cloudtasks.enqueuer")
    code, out, err = kumo("queues", "add-iam-policy-binding", "shared", *who)
    assert (code, err) == (0, "Updated IAM policy for queue [shared].\n")
    assert out.startswith("bindings:\n- members:\n  - user:a@b.c\n  role: roles/cloudtasks.enqueuer\netag: ")
    assert kumo("queues", "add-iam-policy-binding", "shared", *who)[1].count("user:a@b.c") == 1
    assert (
        kumo("queues", "get-iam-policy", "shared", "--format=value(bindings.role)")[1] == "roles/cloudtasks.enqueuer\n"
    )
    assert kumo("queues", "remove-iam-policy-binding", "shared", *who)[1].startswith("etag: ")
    code, _, err = kumo("queues", "remove-iam-policy-binding", "shared", *who)
    assert code == 1
    assert err.endswith(" Policy binding with the specified principal and role not found!\n")
    (tmp_path / "policy.yaml").write_text("bindings:\n- role: roles/cloudtasks.viewer\n  members: ['user:x@y.z']\n")
    assert "user:x@y.z" in kumo("queues", "set-iam-policy", "shared", str(tmp_path / "policy.yaml"))[1]
    assert "Unable to read file" in kumo("queues", "set-iam-policy", "shared", "/nonexistent")[2]
