"""The `kumo` command: reads the line, runs one command, turns what went wrong into one clear line and an exit code.

Exit codes: 0 done (also after SIGTERM or SIGINT), 1 the operation failed, 2 the call or the configuration was wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from kumotasks import __version__

DONE, FAILED, WRONG = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `kumo ARGUMENTS`."""
    options = _parser().parse_args(arguments)
    match options.command:
        case "serve":
            from kumotasks.cli.serve import serve

            return serve(options)
        case "env":
            from kumotasks.cli.env import env

            return env(options)
        case _:
            from kumotasks.cli.demo import run

            return run()


def _parser() -> argparse.ArgumentParser:
    from kumotasks.cli.env import add_options as add_env_options
    from kumotasks.cli.serve import add_options

    parser = argparse.ArgumentParser(prog="kumo", description="The Cloud Tasks that you own.")
    parser.add_argument("--version", action="version", version=f"kumo {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_options(commands.add_parser("serve", help="run the server", formatter_class=argparse.RawTextHelpFormatter))
    add_env_options(commands.add_parser("env", help="the environment that sends unmodified programs here"))
    commands.add_parser("demo", help="the main job, on real input, start to end, explained as it goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
