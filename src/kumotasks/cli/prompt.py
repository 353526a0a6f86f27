"""Questions to the person at the terminal."""

from __future__ import annotations

import sys
import textwrap

_YES = {"": True, "y": True, "yes": True, "n": False, "no": False}


def agreed(question: str) -> bool:
    """Whether he says yes, which a bare return does. The end of the input is a no where somebody types, else a yes:
    nobody is there to say no, and a program that did not want it has --quiet to say so."""
    print(f"{textwrap.fill(question, 80, drop_whitespace=True)} (Y/n)?  ", end="", file=sys.stderr, flush=True)
    while True:
        answer = sys.stdin.readline()
        if not answer:
            print(file=sys.stderr)
            return False
        if (told := _YES.get(answer.strip().lower())) is not None:
            if not sys.stdin.isatty():
                print(file=sys.stderr)
            return told
        print("Please enter 'y' or 'n':  ", end="", file=sys.stderr, flush=True)
