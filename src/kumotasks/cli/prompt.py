"""Questions to the person at the terminal."""

from __future__ import annotations

import sys
import textwrap

_YES = {"y": True, "yes": True, "n": False, "no": False}


def agreed(question: str, *, default: bool = True) -> bool:
    """Whether he says yes; a bare return says `default`. The end of the input is a no: nobody is there to say yes, and
    a program that wants it has --quiet to say so."""
    choice = "Y/n" if default else "y/N"
    print(f"{textwrap.fill(question, 80, drop_whitespace=True)} ({choice})?  ", end="", file=sys.stderr, flush=True)
    answers = {"": default, **_YES}
    while True:
        answer = sys.stdin.readline()
        if not answer:
            print(file=sys.stderr)
            return False
        if (told := answers.get(answer.strip().lower())) is not None:
            if not sys.stdin.isatty():
                print(file=sys.stderr)
            return told
        print("Please enter 'y' or 'n':  ", end="", file=sys.stderr, flush=True)
