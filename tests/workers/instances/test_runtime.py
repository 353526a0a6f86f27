"""Services as real child processes: carried out, scaled, replaced, and gone when they should be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.domain.account import project_number
from kumotasks.domain.clock import MILLISECOND, MINUTE, SECOND
from kumotasks.domain.run.condition import State
from kumotasks.domain.run.revision import Launch
from kumotasks.domain.run.service import Target
from kumotasks.domain.run.template import Container, Probe, ProbeKind
from kumotasks.workers.errors import NoInstance, StartFailed
from tests.workers.living import NAME, PROGRAM, Living, asked_of, lives, living, until

HOST = f"worker-{project_number('p')}.us-central1.run.app"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Living]:
    async with living(tmp_path) as live:
        yield live


async def test_a_service_is_deployed_and_answers(live: Living) -> None:
    service = await live.deploy(env={"GREETING": "hello"})
    assert [each.state for each in service.conditions] == [State.SUCCEEDED] * 3
    assert service.latest_ready == service.latest_created
    assert service.serving == (Target(100, service.latest_ready),)
    env = (await live.ask())["env"]
    assert (env["K_SERVICE"], env["K_REVISION"], env["GREETING"]) == ("worker", service.latest_ready, "hello")
    assert live.registry.open_now[env["GCE_METADATA_HOST"]].project == "p"
    log = live.log.texts("%2Fsystem")
    assert log[0] == "Starting new instance. Reason: DEPLOYMENT_ROLLOUT - Instance started due to deployment."
    assert log[1] == 'Default STARTUP TCP probe succeeded after 1 attempt for container "worker-1" on port 8080.'


async def test_it_is_found_by_every_host_of_its(live: Living) -> None:
    service = await live.deploy()
    await live.deploy(traffic=(Target(100), Target(0, service.latest_ready, "old")))
    hashed = live.running().urls[1].removeprefix("https://")
    for host in (HOST, hashed, HOST.replace(".app", ".localhost"), "worker.example.com"):
        found = live.runtime.find(host)
        assert found is not None
        assert (found.service.name, found.tag) == (NAME, "")
    tagged = live.runtime.find(f"old---{HOST}")
    assert tagged is not None
    assert tagged.tag == "old"
    assert live.runtime.find(f"new---{HOST}") is None
    await live.deploy(default_uri_disabled=True)
    assert live.runtime.find(HOST) is None
    assert live.runtime.find("worker.example.com") is not None


async def test_a_revision_that_does_not_start_says_so_and_the_old_one_serves_on(live: Living) -> None:
    good = await live.deploy()
    bad = await live.deploy(env={"FAIL": "1"})
    ready, configurations, routes = bad.conditions
    assert ready.state is configurations.state is State.FAILED
    assert routes.state is State.SUCCEEDED
    assert ready.reason == "HEALTH_CHECK_CONTAINER_ERROR"
    assert ready.message.startswith(
        f"Revision '{bad.latest_created}' is not ready and cannot serve traffic. The user-provided container failed to "
        "start and listen on the port defined provided by the PORT=8080 environment variable within the allocated "
        "timeout."
    )
    assert bad.latest_ready == good.latest_ready != bad.latest_created
    assert (await live.ask())["env"]["K_REVISION"] == good.latest_ready
    assert "I cannot start" in live.log.texts("%2Fstderr")
    assert "Container called exit(2)." in live.log.texts("%2Fsystem")
    assert (await live.deploy(env={})).conditions[0].state is State.SUCCEEDED


async def test_an_image_that_nobody_mapped_says_how_to_map_it(live: Living) -> None:
    service = await live.deploy(image="gcr.io/p/other")
    assert service.conditions[0].state is service.conditions[2].state is State.FAILED
    assert service.conditions[0].reason == "CONTAINER_MISSING"
    assert "Image 'gcr.io/p/other' not found." in service.conditions[0].message
    with pytest.raises(NoInstance):
        await live.acquire()


async def test_a_new_revision_takes_over_and_requests_of_the_old_one_end_first(live: Living) -> None:
    await live.deploy(env={"V": "1"})
    slot = await live.acquire()
    old = (await asked_of(slot))["pid"]
    slow = asyncio.create_task(asked_of(slot, "/slow"))
    await live.deploy(env={"V": "2"})
    assert (await live.ask())["env"]["V"] == "2"
    assert lives(old)
    await asked_of(slot, "/go")
    assert (await slow)["pid"] == old
    live.runtime.release(slot)
    await until(lambda: not lives(old))
    await live.log.until("%2Fstdout", "asked to end")


async def test_traffic_is_split_and_tags_lead_to_their_own(tmp_path: Path) -> None:
    points = iter([0.1, 0.8, 0.1])
    async with living(tmp_path, point=lambda: next(points)) as live:
        one = (await live.deploy(env={"V": "1"})).latest_ready
        two = (await live.deploy(env={"V": "2"}, traffic=(Target(75, one, "blue"), Target(25)))).latest_ready
        assert [(await live.ask())["env"]["K_REVISION"] for _ in range(2)] == [one, two]
        slot = await live.acquire("blue")
        assert slot.revision.id == one
        live.runtime.release(slot)


async def test_a_service_scales_to_zero_and_from_zero(live: Living) -> None:
    await live.deploy()
    first = (await live.ask())["pid"]
    live.clock.turn(live.clock.now() + 14 * MINUTE)
    assert (await live.ask())["pid"] == first  # it has not been idle for so long
    while live.clock.turn(live.clock.now() + 15 * MINUTE):
        pass
    await until(lambda: not lives(first))
    await until(lambda: not live.registry.open_now)
    assert (await live.ask())["pid"] != first
    assert any("AUTOSCALING" in text for text in live.log.texts("%2Fsystem"))


async def test_the_least_number_stays_and_comes_back(live: Living) -> None:
    await live.deploy(min_instances=2)
    await until(lambda: len(live.registry.open_now) == 2)
    while live.clock.turn(live.clock.now() + 60 * MINUTE):
        pass
    slot = await live.acquire()
    pid = (await asked_of(slot))["pid"]
    live.runtime.release(slot)
    os.kill(pid, signal.SIGKILL)
    await live.log.until("%2Fsystem", "Container terminated on signal 9.")
    await until(lambda: len(live.registry.open_now) == 2)
    assert lives((await live.ask())["pid"])


async def test_no_instance_has_more_requests_than_it_may_and_no_more_run_than_may(live: Living) -> None:
    await live.deploy(concurrency=2, max_instances=2)
    slots = [await live.acquire() for _ in range(4)]
    assert sorted(slot.instance_id for slot in slots) == sorted(2 * [slots[0].instance_id, slots[-1].instance_id])
    waiting = [asyncio.create_task(live.runtime.acquire(live.running())) for _ in range(2)]
    await asyncio.sleep(0)
    live.runtime.release(slots[0])
    freed = await waiting[0]
    assert freed.instance_id == slots[0].instance_id
    live.clock.turn(live.clock.now() + 9 * SECOND)
    assert not waiting[1].done()
    live.clock.turn(live.clock.now() + SECOND)
    with pytest.raises(NoInstance):
        await waiting[1]
    for slot in (freed, *slots[1:]):
        live.runtime.release(slot)


async def test_a_request_that_is_given_up_takes_no_room(live: Living) -> None:
    await live.deploy(concurrency=1, max_instances=1)
    slot = await live.acquire()
    waiting = asyncio.create_task(live.runtime.acquire(live.running()))
    await asyncio.sleep(0)
    live.runtime.release(slot)  # it is given to whoever waits, who leaves at the same moment
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    live.runtime.release(await live.acquire())


async def test_an_instance_that_crashed_gets_no_further_request(live: Living) -> None:
    await live.deploy()
    slot = await live.acquire()
    with pytest.raises(ConnectionError):
        await asked_of(slot, "/exit")
    live.runtime.release(slot, failed=True)
    again = await live.acquire()
    assert again.instance_id != slot.instance_id
    assert (await asked_of(again))["env"]["PORT"] == str(again.port)
    live.runtime.release(again)
    await live.log.until("%2Fsystem", "Container called exit(7).")


async def test_an_instance_that_only_dropped_a_connection_is_used_again(live: Living) -> None:
    await live.deploy()
    slot = await live.acquire()
    live.runtime.release(slot, failed=True)
    again = await live.acquire()
    assert again.instance_id == slot.instance_id
    live.runtime.release(again)


async def test_an_instance_in_which_nobody_listens_any_more_is_replaced(live: Living) -> None:
    await live.deploy()
    slot = await live.acquire()
    deaf = (await asked_of(slot, "/deaf"))["pid"]
    live.runtime.release(slot, failed=True)
    again = await live.acquire()
    assert again.instance_id != slot.instance_id
    live.runtime.release(again)
    await until(lambda: not lives(deaf))


async def test_an_instance_that_is_alive_no_more_is_killed_and_replaced(live: Living) -> None:
    often = Probe(ProbeKind.HTTP, path="/health", timeout=5 * SECOND, period=10 * MILLISECOND, failures=2)
    container = Container("worker", memory="128Mi", liveness_probe=often)
    await live.deploy(containers=(container,), min_instances=1)
    first = (await live.ask())["pid"]
    await live.ask("/fall-ill")
    told = 'LIVENESS HTTP probe failed 2 times consecutively for container "worker-1" on path "/health" port 8080.'
    await live.log.until("%2Fsystem", f"{told} The instance has been shut down.")
    await until(lambda: not lives(first))
    assert (await live.ask())["pid"] != first


async def test_starts_that_fail_tell_whoever_waits(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_bytes(PROGRAM.read_bytes())
    async with living(tmp_path, images={"worker": Launch((sys.executable, "-S", str(program)))}) as live:
        await live.deploy()
        slot = await live.acquire()
        program.write_text("raise SystemExit(1)")
        with pytest.raises(ConnectionError):
            await asked_of(slot, "/exit")
        live.runtime.release(slot, failed=True)
        with pytest.raises(StartFailed):
            await live.acquire()


async def test_memory_above_the_limit_ends_the_instance(live: Living) -> None:
    await live.deploy()
    slot = await live.acquire()
    with contextlib.suppress(ConnectionError):  # it may be gone before it can answer
        await asked_of(slot, "/eat?200")
    await live.log.until("%2Fsystem", "Memory limit of 128 MiB exceeded with ")
    await live.log.until("%2Fsystem", "Container terminated on signal 9.")
    live.runtime.release(slot, failed=True)
    await live.ask()


async def test_whoever_does_not_hear_sigterm_is_killed(live: Living) -> None:
    await live.deploy(env={"STUBBORN": "1"})
    pid = (await live.ask())["pid"]
    await live.deploy(env={})
    await until(lambda: not lives(pid))
    assert "asked to end" not in live.log.texts("%2Fstdout")


async def test_a_service_that_is_deleted_runs_no_more(live: Living) -> None:
    await live.deploy(env={"CHILD": "1"})
    told = await live.ask()
    await live.shelf.delete(NAME)
    live.runtime.wake(NAME)
    await until(lambda: not lives(told["pid"]) and not lives(told["child"]))
    assert live.runtime.find(HOST) is None


async def test_a_change_overtakes_the_one_that_is_under_way(live: Living) -> None:
    await live.asked(env={"V": "1"})
    await live.asked(env={"V": "2"})
    service = await live.deploy(env={"V": "3"})
    assert service.observed == 3
    assert (await live.ask())["env"]["V"] == "3"
    await until(lambda: len(live.registry.open_now) == 1)


async def test_after_a_restart_services_are_there_and_instances_when_they_are_needed(tmp_path: Path) -> None:
    async with living(tmp_path) as live:
        before = await live.deploy()
        pid = (await live.ask())["pid"]
    assert not lives(pid)
    async with living(tmp_path) as live:
        assert not live.registry.open_now
        assert (await live.ask())["env"]["K_REVISION"] == before.latest_ready
        assert await live.shelf.get(NAME) == before


async def test_what_was_under_way_at_a_stop_is_taken_up_again(tmp_path: Path) -> None:
    async with living(tmp_path) as live:
        await live.asked()
    async with living(tmp_path) as live:
        service = await live.settled(1)
        assert service.conditions[0].state is State.SUCCEEDED
        assert (await live.ask())["env"]["K_REVISION"] == service.latest_ready
