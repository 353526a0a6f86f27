"""The tasks a lane holds in memory: in order, within a room, and nothing left of those that are gone."""

from __future__ import annotations

import random

from kumotasks.domain.names import TaskName
from kumotasks.domain.target import HttpRequest
from kumotasks.domain.task import Task
from kumotasks.domain.window import Room, Window
from tests.domain.factory import NOW, QUEUE, task


def a_task(serial: int, delay: int = 0, *, body: int = 0) -> Task:
    target = HttpRequest("https://example.com/", body=b"x" * body)
    return task(name=TaskName(QUEUE, f"t{serial}"), serial=serial, schedule_time=NOW + delay, target=target)


def a_window(*tasks: Task, room: Room | None = None) -> Window:
    window = Window(room or Room())
    for each in tasks:
        window.hold(each)
    return window


def serials(tasks: tuple[Task, ...]) -> list[int]:
    return [each.serial for each in tasks]


def test_tasks_come_out_when_they_are_due_the_earliest_first() -> None:
    window = a_window(a_task(1, 3), a_task(2, 1), a_task(3, 2), a_task(4, 9))
    assert window.first_due() == NOW + 1
    assert serials(window.pop_due(NOW + 3, 2)) == [2, 3]
    assert serials(window.pop_due(NOW + 3, 2)) == [1]
    assert window.pop_due(NOW + 3, 2) == ()
    assert (len(window), window.first_due()) == (1, NOW + 9)


def test_at_the_same_time_the_id_decides() -> None:
    assert serials(a_window(a_task(3), a_task(1), a_task(2)).pop_due(NOW, 9)) == [1, 2, 3]


def test_a_released_task_does_not_come_out() -> None:
    window = a_window(a_task(1), a_task(2, 1))
    window.release(1)
    window.release(1)
    assert (1 in window.tasks, 2 in window.tasks, len(window)) == (False, True, 1)
    assert window.first_due() == NOW + 1
    assert serials(window.pop_due(NOW + 1, 9)) == [2]
    assert window.first_due() is None


def test_a_task_that_comes_back_comes_out_once_at_its_new_time() -> None:
    for delay in (0, 1, 2):
        window = a_window(a_task(1, 1))
        window.release(1)
        window.hold(a_task(1, delay, body=1))
        assert window.first_due() == NOW + delay
        assert window.pop_due(NOW + 5, 9) == (a_task(1, delay, body=1),)
        assert window.pop_due(NOW + 5, 9) == ()


def test_it_is_crowded_beyond_half_its_room_and_overfull_beyond_twice() -> None:
    room = Room(tasks=4)
    states = []
    window = a_window(room=room)
    for serial in range(9):
        window.hold(a_task(serial))
        states.append((window.crowded, window.overfull))
    assert states == [(False, False)] * 2 + [(True, False)] * 6 + [(True, True)]


def test_bytes_count_as_tasks_do_but_one_task_is_always_held() -> None:
    room = Room(bytes=100)
    assert not a_window(a_task(1, body=50), room=room).crowded
    assert a_window(a_task(1, body=51), room=room).crowded
    assert not a_window(a_task(1, body=900), room=room).overfull
    assert a_window(a_task(1, body=100), a_task(2, body=101), room=room).overfull


def test_a_cut_lets_go_of_those_due_last() -> None:
    window = a_window(*[a_task(serial, 10 - serial) for serial in range(1, 8)], room=Room(tasks=3))
    assert window.cut() == ((NOW + 5, "t5"), NOW + 6)
    assert serials(window.pop_due(NOW + 99, 99)) == [7, 6, 5]


def test_a_cut_counts_bytes_too_and_keeps_one() -> None:
    window = a_window(*[a_task(serial, serial, body=40) for serial in range(6)], room=Room(bytes=100))
    assert window.cut() == ((NOW + 1, "t1"), NOW + 2)
    window = a_window(a_task(1, body=300), a_task(2, 1, body=1), room=Room(bytes=100))
    assert window.cut() == ((NOW, "t1"), NOW + 1)
    assert not window.overfull


def test_an_empty_window_holds_nothing() -> None:
    window = a_window(a_task(1, body=9))
    window.clear()
    assert (len(window), window.first_due(), window.crowded) == (0, None, False)


def test_it_keeps_what_a_sorted_list_would_whatever_comes_and_goes() -> None:
    chance = random.Random(5)
    window, held = a_window(), dict[int, Task]()
    for _ in range(5_000):
        serial = chance.randrange(50)
        if serial in held:
            window.release(serial)
            del held[serial]
        else:
            held[serial] = a_task(serial, chance.randrange(20))
            window.hold(held[serial])
        assert len(window) == len(held)
        assert window.first_due() == min((each.schedule_time for each in held.values()), default=None)
        assert len(window._heap) < 200
    assert list(window.pop_due(NOW + 99, 99)) == sorted(
        held.values(), key=lambda each: (each.schedule_time, each.name.task)
    )
