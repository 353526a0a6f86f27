"""A guide's blocks are what the line above them says, and what is printed must be what is shown."""

from __future__ import annotations

import pytest

from tests.guides.guide import Command, File, Shown, Step, Terminal, steps


@pytest.mark.parametrize(
    ("above", "language", "step"),
    [
        ("Then:", "bash", Command("x\n")),
        ("Look again until it is there:", "bash", Command("x\n", patient=True)),
        ("In a terminal of its own:", "bash", Terminal("x\n")),
        ("The worker, `worker/main.py`:", "python", File("worker/main.py", "x\n")),
        ("It prints:", "text", Shown(("x",))),
        ("Its terminal prints:", "text", Shown(("x",), somewhere=True)),
    ],
)
def test_the_line_above_says_what_a_block_is(above: str, language: str, step: Step) -> None:
    assert steps(f"{above}\n\n```{language}\nx\n```\n") == (step,)


def test_a_block_that_nobody_would_follow_is_refused() -> None:
    with pytest.raises(AssertionError, match="nobody knows"):
        steps("Behold:\n\n```python\nx\n```\n")


@pytest.mark.parametrize(
    ("printed", "same"),
    [("one   1\nother\ntwo abc\n", True), ("two abc\none 1\n", False), ("one 1\n", False), ("one 12\ntwo\n", False)],
)
def test_lines_are_printed_in_the_order_in_which_they_are_shown(printed: str, same: bool) -> None:
    assert Shown(("one 1", "two ...")).in_order(printed) is same
