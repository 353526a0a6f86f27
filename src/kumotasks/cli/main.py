"""The `kumo` command: reads the line, runs one command, turns what went wrong into one clear line and an exit code.

Exit codes: 0 done (also after SIGTERM or SIGINT), 1 the operation failed, 2 the call or the configuration was wrong.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from kumotasks import __version__
from kumotasks.cli import parser, table
from kumotasks.cli.client import Failure, Refused
from kumotasks.cli.command import Command
from kumotasks.cli.line import Line
from kumotasks.cli.properties import Properties, config_directory

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `kumo ARGUMENTS`."""
    written = list(sys.argv[1:] if arguments is None else arguments)
    if written in (["--version"], ["version"]):
        print(f"kumo {__version__}")
        return DONE
    try:
        return _understood(written)
    except BrokenPipeError:
        # Whoever read has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _understood(written: list[str]) -> int:
    try:
        command, rest = parser.find(written)
        given = parser.values(command, rest)
    except parser.HelpWanted as wanted:
        return _helped(wanted)
    except parser.WrongLine as wrong:
        return _wrong(wrong)
    return _run(command, given)


def _run(command: Command, given: dict[str, object]) -> int:
    named = given.get("configuration")
    properties = Properties(config_directory(os.environ), os.environ, named if isinstance(named, str) else "")
    line = Line(given, properties, command.page_size)
    try:
        with _output(line):
            result = command.run(line)
            if result is not None:
                from kumotasks.cli.show.output import show

                show(line, command, result)
            sys.stdout.flush()
    except Failure as failure:
        sys.stdout.flush()
        print(f"ERROR: ({command.dotted}) {_worded(failure)}", file=sys.stderr)
        return FAILED if isinstance(failure, Refused) else failure.code
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"ERROR: ({command.dotted}) {error.filename or 'kumo'}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    return line.code


@contextmanager
def _output(line: Line) -> Iterator[None]:
    """Where results go; nowhere, if the line says so."""
    if not line.on("no-user-output-enabled"):
        yield
        return
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield


def _worded(failure: Failure) -> str:
    """Its sentence; a refusal's begins with its name, and what the server said beside it stands below."""
    if not isinstance(failure, Refused):
        return str(failure)
    sentence = f"{failure.state}: {failure}" if failure.state else str(failure)
    if not failure.details:
        return sentence
    from kumotasks.cli.show.documents import yaml_text

    return f"{sentence}\n{yaml_text(list(failure.details))}".rstrip("\n")


def _helped(wanted: parser.HelpWanted) -> int:
    from kumotasks.cli import helptext

    if wanted.command is not None:
        print(helptext.of_command(wanted.command))
    else:
        print(helptext.of_group(wanted.words) if wanted.words else helptext.of_all(__version__))
    return DONE


def _wrong(wrong: parser.WrongLine) -> int:
    print(f"ERROR: ({wrong.dotted}) {wrong}", file=sys.stderr)
    if wrong.command is not None:
        print(f"Usage: {parser.usage(wrong.command)}", file=sys.stderr)
        print(f"kumo {wrong.command.words} --help says more.", file=sys.stderr)
    else:
        words = wrong.dotted.split(".")[1:]
        choices = ", ".join(parser.choices(words)) if words else ", ".join(table.words())
        print(f"Commands here: {choices}. {wrong.usage} says more.", file=sys.stderr)
    return WRONG


if __name__ == "__main__":
    sys.exit(main())
