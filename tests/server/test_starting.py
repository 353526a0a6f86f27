"""The parts that matter while a server starts and ends: ports, what was declared, readiness."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kumotasks.api.health import Health
from kumotasks.configuration.queue_yaml import read_from
from kumotasks.configuration.startup import Startup, caps_of
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.domain.names import LocationName
from kumotasks.domain.policy import Binding, Condition
from kumotasks.domain.queue import QueueState
from kumotasks.lifecycle import Port
from kumotasks.server.addresses import Addresses
from kumotasks.server.identity import Known, known
from kumotasks.server.starting import Bound, Declared, Readiness
from kumotasks.server.surfaces import Ground, queues_on
from kumotasks.service.queues import Queues
from kumotasks.settings import Settings, SettingsError
from kumotasks.storage.sqlite import SqliteStore
from tests.factory import NOW
from tests.running import running

HERE = "projects/kumo-local/locations/us-central1/queues"
WORKER = "worker@kumo-local.iam.gserviceaccount.com"
MEMBER = f"serviceAccount:{WORKER}"
ENQUEUER = "roles/cloudtasks.enqueuer"


class Stage:
    """A store, and what stands on it."""

    def __init__(self, store: SqliteStore, directory: Path) -> None:
        self.settings = dataclasses.replace(Settings(), store=str(directory), auth="iam")
        self.known: Known = known(self.settings, store.records, Addresses(self.settings))
        self.queues: Queues = queues_on(Ground(self.settings, store, ManualClock(NOW), self.known))

    async def declare(self, *, queue_yaml: str = "", **parts: Any) -> None:
        settings = dataclasses.replace(self.settings, **parts)
        parent = LocationName(settings.project, settings.location)
        yaml = read_from("queue.yaml", queue_yaml, parent, caps_of(settings)) if queue_yaml else None
        await Declared(self.queues, self.known, Startup(settings, yaml)).start()

    async def refusal(self, **parts: Any) -> str:
        with pytest.raises(SettingsError) as refused:
            await self.declare(**parts)
        return str(refused.value)

    async def bindings(self, resource: str = "projects/kumo-local") -> tuple[Binding, ...]:
        return (await self.known.book.get(resource)).bindings


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    yield Stage(store, tmp_path)
    await store.stop()


# ports


async def test_ports_are_taken_at_the_start_and_let_go_at_the_stop() -> None:
    ports = [Port("127.0.0.1", 0), Port("127.0.0.1", 0)]
    bound = Bound(ports)
    await bound.start()
    assert len({port.number for port in ports}) == 2
    assert [len(port.sockets) for port in ports] == [1, 1]
    await bound.stop()
    await bound.stop()
    again = Port("127.0.0.1", ports[0].number)
    again.bind()
    again.close()


async def test_a_port_that_is_taken_is_named_and_the_others_are_let_go() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free = Port("127.0.0.1", 0)
        bound = Bound([free, Port("127.0.0.1", taken.getsockname()[1])])
        with pytest.raises(OSError, match=f":{taken.getsockname()[1]}: Address already in use"):
            await bound.start()
        await bound.stop()
    again = Port("127.0.0.1", free.number)
    again.bind()
    again.close()


# queues


async def test_declared_queues_are_there_by_id_and_by_full_name(stage: Stage) -> None:
    full = "projects/p/locations/europe-west1/queues/b"
    await stage.declare(queue=("a", full))
    assert (await stage.queues.get(f"{HERE}/a")).name.text == f"{HERE}/a"
    assert (await stage.queues.get(full)).name.text == full


async def test_a_queue_that_is_only_named_is_left_as_it_is(stage: Stage) -> None:
    await stage.declare(queues=({"name": "a", "rateLimits": {"maxDispatchesPerSecond": 5}},))
    await stage.declare(queue=("a",))
    assert (await stage.queues.get(f"{HERE}/a")).rate_limits.max_dispatches_per_second == 5


async def test_a_described_queue_is_brought_in_line(stage: Stage) -> None:
    await stage.declare(queue=("a", "b"))
    await stage.declare(queues=({"name": "a", "retryConfig": {"maxAttempts": 3}},))
    assert (await stage.queues.get(f"{HERE}/a")).retry_config.max_attempts == 3
    assert (await stage.queues.get(f"{HERE}/b")).retry_config.max_attempts == 100


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"queue": ("not a name",)}, "'not a name' is no queue's name: Invalid resource field value in the request."),
        ({"queues": ({"name": "a", "rateLimits": {"maxDispatchesPerSecond": -1}},)}, "cannot be negative."),
        ({"queues": ({"name": "a", "colour": "red"},)}, 'Unknown name "colour": Cannot find field.'),
    ],
)
async def test_a_queue_that_cannot_be_is_refused_in_a_sentence(
    parts: dict[str, Any], sentence: str, stage: Stage
) -> None:
    told = await stage.refusal(**parts)
    assert told.startswith("a declared queue was refused: ")
    assert sentence in told


async def test_a_store_that_fails_is_not_the_settings_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unavailable(*_: object) -> None:
        raise StorageUnavailable

    monkeypatch.setattr(Queues, "ensure", unavailable)
    with pytest.raises(StorageUnavailable):
        await stage.declare(queue=("a",))


# queue.yaml


async def test_queues_of_queue_yaml_are_made_with_the_bucket_that_is_said(stage: Stage) -> None:
    await stage.declare(queue_yaml="queue:\n- {name: a, rate: 5/s, bucket_size: 40}\n")
    made = await stage.queues.get(f"{HERE}/a")
    assert (made.rate_limits.max_dispatches_per_second, made.rate_limits.max_burst_size) == (5, 40)
    assert made.retry_config.max_attempts == -1


async def test_a_queue_is_brought_in_line_in_what_queue_yaml_can_say(stage: Stage) -> None:
    logged = {"name": "a", "stackdriverLoggingConfig": {"samplingRatio": 1}, "retryConfig": {"maxAttempts": 3}}
    await stage.declare(queues=(logged,))
    routed = "queue:\n- {name: a, rate: 5/s, target: v1.worker}\n"
    await stage.declare(queue_yaml=routed)
    await stage.declare(queue_yaml=routed)
    made = await stage.queues.get(f"{HERE}/a")
    assert made.stackdriver_logging_config is not None
    assert made.app_engine_routing_override is not None
    assert (made.retry_config.max_attempts, made.rate_limits.max_burst_size) == (-1, 5)
    assert made.app_engine_routing_override.service == "worker"
    await stage.declare(queue_yaml="queue:\n- {name: a, rate: 5/s}\n")
    assert (await stage.queues.get(f"{HERE}/a")).app_engine_routing_override is None


async def test_a_rate_of_0_pauses_and_no_start_ends_a_pause(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await stage.declare(queue_yaml="queue:\n- {name: a, rate: 0}\n")
    assert (await stage.queues.get(f"{HERE}/a")).state is QueueState.PAUSED
    with caplog.at_level("INFO"):
        await stage.declare(queue_yaml="queue:\n- {name: a, rate: 1/s}\n")
    assert (await stage.queues.get(f"{HERE}/a")).state is QueueState.PAUSED
    assert "queue a of queue.yaml is paused, and stays so" in caplog.messages


async def test_queues_that_are_in_no_file_stay_and_are_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await stage.declare(queue=("other", "named"))
    with caplog.at_level("INFO"):
        await stage.declare(queue_yaml="queue:\n- {name: a, rate: 1/s}\n", queue=("named",))
    assert (await stage.queues.get(f"{HERE}/other")).name.queue == "other"
    assert caplog.messages == ["queues that are not in queue.yaml stay as they are: other"]


def test_a_queue_yaml_may_be_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "queue.yaml").write_text("queue:\n- {name: a, rate: 5/s}\n")
    piped = ("bash", "-c", f'exec "$@" 3< <(cat "{tmp_path}/queue.yaml")', "bash")
    with running(tmp_path, "--queue-yaml=/dev/fd/3", prefix=piped) as server:
        assert server.http("GET", f"/v2/{HERE}/a")[0] == 200


# accounts and bindings


async def test_declared_accounts_are_made_once_and_keep_what_others_changed(stage: Stage) -> None:
    described = {"id": "worker", "display_name": "Worker", "description": "does the work"}
    await stage.declare(service_accounts=(described,))
    made = await stage.known.accounts.find(WORKER)
    assert made is not None
    assert (made.project, made.display_name, made.description) == ("kumo-local", "Worker", "does the work")
    assert made.unique_id.isdigit()
    assert len(made.unique_id) == 21
    renamed = await stage.known.accounts.replace(dataclasses.replace(made, display_name="Other"), if_etag=made.etag)
    await stage.declare(service_accounts=(described,))
    assert await stage.known.accounts.find(WORKER) == renamed


async def test_an_account_may_be_another_projects(stage: Stage) -> None:
    await stage.declare(service_accounts=({"id": "worker", "project": "elsewhere"},))
    assert await stage.known.accounts.find("worker@elsewhere.iam.gserviceaccount.com") is not None
    assert await stage.known.accounts.find(WORKER) is None


async def test_a_declared_binding_joins_what_is_there(stage: Stage) -> None:
    before = await stage.bindings()
    assert before
    await stage.declare(bindings=({"role": ENQUEUER, "members": [MEMBER]},))
    assert {*before, Binding(ENQUEUER, (MEMBER,))} == set(await stage.bindings())


async def test_a_binding_is_made_once_and_its_members_are_gathered(stage: Stage) -> None:
    binding = {"resource": f"{HERE}/a", "role": ENQUEUER, "members": [MEMBER]}
    await stage.declare(bindings=(binding,))
    etag = (await stage.known.book.get(f"{HERE}/a")).etag
    await stage.declare(bindings=(binding,))
    assert (await stage.known.book.get(f"{HERE}/a")).etag == etag
    await stage.declare(bindings=(binding | {"members": ["allUsers"]},))
    assert await stage.bindings(f"{HERE}/a") == (Binding(ENQUEUER, (MEMBER, "allUsers")),)


async def test_a_binding_with_a_condition_stands_beside_the_one_without(stage: Stage) -> None:
    plain = {"resource": f"{HERE}/a", "role": ENQUEUER, "members": [MEMBER]}
    condition = {"expression": "request.time < timestamp('2030-01-01T00:00:00Z')", "title": "until 2030"}
    await stage.declare(bindings=(plain, plain | {"condition": condition}))
    assert {each.condition for each in await stage.bindings(f"{HERE}/a")} == {
        None,
        Condition(condition["expression"], "until 2030"),
    }
    assert (await stage.known.book.get(f"{HERE}/a")).version == 3


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"service_accounts": ({"display_name": "x"},)}, "service account was refused: id is missing"),
        ({"service_accounts": ({"id": "W"},)}, "service account was refused: "),
        ({"service_accounts": ({"id": "worker", "colour": "red"},)}, "there is no field of a service account 'colour'"),
        ({"service_accounts": ({"id": "worker", "project": 1},)}, "project is a text"),
        ({"bindings": ({"members": [MEMBER]},)}, "binding was refused: role is missing"),
        (
            {"bindings": ({"role": "roles/cloudtasks.enqueur", "members": [MEMBER]},)},
            "no role 'roles/cloudtasks.enqueur'. Did you mean 'roles/cloudtasks.enqueuer'?",
        ),
        ({"bindings": ({"role": "enqueuer", "members": [MEMBER]},)}, "Role enqueuer is not supported"),
        ({"bindings": ({"role": ENQUEUER},)}, "members is a list of texts"),
        ({"bindings": ({"role": ENQUEUER, "members": []},)}, "members is a list of texts"),
        ({"bindings": ({"role": ENQUEUER, "members": ["somebody"]},)}, "binding was refused: "),
        ({"bindings": ({"role": ENQUEUER, "members": [MEMBER], "condition": "x"},)}, "condition is a table"),
        ({"bindings": ({"role": ENQUEUER, "members": [MEMBER], "condition": {}},)}, "expression is missing"),
        (
            {"bindings": ({"role": ENQUEUER, "members": [MEMBER], "condition": {"expression": "1 +"}},)},
            "binding was refused: ",
        ),
    ],
)
async def test_what_cannot_be_declared_is_refused_and_changes_nothing(
    parts: dict[str, Any], sentence: str, stage: Stage
) -> None:
    before = await stage.bindings()
    assert sentence in await stage.refusal(**parts)
    assert await stage.bindings() == before


# readiness


class Announced:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


async def test_a_server_is_ready_from_its_start_until_its_stop_begins() -> None:
    announced, health = Announced(), Health()
    readiness = Readiness(health, announced)
    assert (readiness.ready, announced.times) == (False, 0)
    await readiness.start()
    assert (readiness.ready, announced.times, health.status("")) == (True, 1, 1)
    readiness.refuse()
    assert (readiness.ready, health.status("")) == (False, 2)
    readiness.cut()
    await readiness.stop()
    assert (readiness.ready, announced.times) == (False, 1)


async def test_a_stop_before_the_start_is_fine() -> None:
    announced = Announced()
    readiness = Readiness(Health(), announced)
    await readiness.stop()
    assert (readiness.ready, announced.times) == (False, 0)
