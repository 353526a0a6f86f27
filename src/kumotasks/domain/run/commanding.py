"""What of a template decides which commands run: its source, its command, and variables that programs take for one.

Whoever may deploy may not therefore have commands run here; so what decides it is told apart from what does not. Pure.
"""

from __future__ import annotations

import re

from kumotasks.domain.run.template import Pairs, Template

# Variables by which a loader, a shell or an interpreter is told what else to run.
_COMMANDING = re.compile(
    r"LD_.*|DYLD_.*|BASH_FUNC_.*|PATH|ENV|IFS|PS4|SHELLOPTS|BASHOPTS|BASH_ENV|PROMPT_COMMAND|GCONV_PATH"
    r"|PYTHON(?!UNBUFFERED$|DONTWRITEBYTECODE$|HASHSEED$|IOENCODING$|UTF8$|FAULTHANDLER$).*|GUNICORN_CMD_ARGS"
    r"|NODE_OPTIONS|NODE_PATH|PERL5?(OPT|LIB|DB)|RUBY(OPT|LIB)|(_|JDK_)?JAVA_(TOOL_)?OPTIONS|CLASSPATH|JAVA_OPTS"
    r"|PHPRC|PHP_INI_SCAN_DIR|DOTNET_STARTUP_HOOKS|GIT_.*|SSH_ASKPASS|EDITOR|VISUAL|PAGER|BROWSER"
)
_REFERENCE = "$("  # the beginning of `$(NAME)`; in a shell's line, of a command that may look at any variable
_NAMED = re.compile(r"\$\{?[#!]?(\w+)")  # `$NAME`, `${NAME}` and their like, quoted or not


def commanding(env: Pairs) -> Pairs:
    """Those of the variables that can make a program run commands."""
    return tuple((name, value) for name, value in env if _COMMANDING.fullmatch(name))


def deciding(env: Pairs, shell_line: str | None) -> Pairs:
    """`commanding`, and what the line of a shell names: to its words a value may add others. A line that is not known
    (None), or that runs commands to make its words of, may name any."""
    if shell_line is None or _REFERENCE in shell_line or "`" in shell_line:
        return env
    named = {*_NAMED.findall(shell_line), *(name for name, _ in commanding(env))}
    return tuple((name, value) for name, value in env if name in named)


def runs_the_same(one: Template, other: Template, shell_line: str | None = "") -> bool:
    """Whether what is run is the same, whatever else is not. `shell_line` is what `one` is started by, if it is."""
    return _what_runs(one, shell_line) == _what_runs(other, shell_line)


def _what_runs(template: Template, shell_line: str | None) -> tuple[object, ...]:
    """All variables count where the command names some, or one that decides does."""
    container = template.serving
    variables = deciding(container.env, shell_line)
    words = (*container.command, *container.args, *(value for _, value in variables))
    return (
        template.source,
        container.image,
        container.command,
        container.args,
        container.working_directory,
        (container.env, container.env_order) if any(_REFERENCE in word for word in words) else variables,
    )
