"""The house rules, read from the sources: who may import whom, who may read the time, how long things may be.

Each rule is a function from the sources to its findings, "file:line: what is wrong". A test holds the rule against the
package, and planted examples show that it would speak.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "kumotasks"
MAX_MODULE = 350
MAX_FUNCTION = 40

# Layers from left to right; one imports what stands left of it, and itself.
ORDER = (
    {"domain"},
    {"storage", "logs"},
    {"auth"},
    {"service", "dispatch", "workers"},
    {"api", "console"},
    {"server"},
    {"cli"},
)
RANK = {layer: rank for rank, layers in enumerate(ORDER) for layer in layers}
# Leaves, and what of ours they import.
LEAVES = {"settings": {"domain"}, "lifecycle": {"domain"}, "configuration": {"domain", "settings"}}
ANYWHERE = {"postponed"}  # imports nothing of ours, and whoever needs it may import it
APART = {"client", "testing"}  # import nothing of ours, and nothing of ours imports them
OPEN_LEAVES = {"server", "cli"}  # who may import the leaves


@dataclass(frozen=True)
class Source:
    """A module: `file` as findings name it, `module` as imports do."""

    file: str
    module: str
    text: str
    tree: ast.Module

    @property
    def part(self) -> str:
        """The layer, or the lone module, that it is or lies in; "" for the package itself."""
        return self.module.split(".")[1] if "." in self.module else ""

    def at(self, line: int, finding: str) -> str:
        return f"{self.file}:{line}: {finding}"


@dataclass(frozen=True)
class Import:
    """An import of `name`, a module or something in one; `origin` is the x of `from x import y`."""

    name: str
    line: int
    origin: bool = False


Sources = list[Source]
Findings = list[str]


def read(files: Mapping[str, str]) -> Sources:
    """Sources by their path below src."""
    return [
        Source(f"src/{path}", _module(path), text, ast.parse(text, filename=path))
        for path, text in sorted(files.items())
    ]


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports(source: Source) -> Iterator[Import]:
    """Everything a module imports, wherever in it; `from x import y` is both x and x.y, which may be a module."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(source, node)
            yield Import(origin, node.lineno, origin=True)
            for alias in node.names:
                yield Import(f"{origin}.{alias.name}", node.lineno)


def _origin(source: Source, node: ast.ImportFrom) -> str:
    """The absolute name of what an import is from."""
    if not node.level:
        return node.module or ""
    package = source.module.split(".")
    if not source.file.endswith("/__init__.py"):
        package.pop()
    outer = package[: len(package) - node.level + 1]
    return ".".join([*outer, node.module] if node.module else outer)


def _is_or_in(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


# The rules


def wrong_arrows(sources: Sources) -> Findings:
    """A layer imports only what stands left of it; leaves and those apart keep to themselves."""
    found = []
    for source in sources:
        if source.part and source.part not in RANK.keys() | LEAVES.keys() | ANYWHERE | APART:
            found.append(source.at(1, f"{source.part} belongs to no layer"))
        for used in imports(source):
            parts = used.name.split(".")
            if parts[0] != PACKAGE or len(parts) == 1 or parts[1].startswith("__"):
                continue  # another package, or only what this one's head holds, as its version
            if not _may_import(source.part, parts[1]):
                found.append(source.at(used.line, f"{source.part or PACKAGE} may not import {parts[1]}"))
    return sorted(set(found))


def _may_import(importer: str, imported: str) -> bool:
    if importer == imported:
        return True
    if imported in ANYWHERE:
        return importer not in APART
    if imported in APART or importer in APART:
        return False
    if importer in LEAVES or not importer:
        return imported in LEAVES.get(importer, {"domain"})
    if imported in LEAVES:
        return importer in OPEN_LEAVES
    return RANK.get(imported, len(ORDER)) < RANK.get(importer, -1)


def circles(sources: Sources) -> Findings:
    """No module imports itself by way of others."""
    modules = {source.module: source for source in sources}
    lines = {source.module: _imported_modules(source, modules.keys()) for source in sources}
    found, done = [], set[str]()
    for start in sorted(lines):
        circle = _circle(start, lines, done)
        if circle:
            line = lines[circle[0]][circle[1]]
            found.append(modules[circle[0]].at(line, " imports ".join(circle)))
    return found


def _imported_modules(source: Source, modules: Collection[str]) -> dict[str, int]:
    """The modules of ours that one imports, and where: `from x import y` means x.y if that is a module, else x."""
    found: dict[str, int] = {}
    for used in imports(source):
        name = used.name if used.name in modules else used.name.rpartition(".")[0]
        if name in modules and name != source.module and not used.origin:
            found.setdefault(name, used.line)
    return found


def _circle(start: str, lines: Mapping[str, Mapping[str, int]], done: set[str]) -> list[str]:
    """The first circle that a walk from `start` meets, closed; modules without one are `done`."""
    path: list[str] = []
    waiting = [(start, iter(sorted(lines[start])))]
    path.append(start)
    while waiting:
        module, following = waiting[-1]
        target = next(following, None)
        if target is None:
            done.add(module)
            waiting.pop()
            path.pop()
        elif target in path:
            done.update(path)
            return [*path[path.index(target) :], target]
        elif target not in done:
            waiting.append((target, iter(sorted(lines[target]))))
            path.append(target)
    return []


# The demonstration calls the server as its users do, with Google's client; so do applications, and check tokens.
GOOGLE_AT = ("api/", "cli/demo.py", "client/")


def google_outside_the_api(sources: Sources) -> Findings:
    return _outside(sources, "google", GOOGLE_AT)


def msgspec_where_bytes_and_structs_are_not_made(sources: Sources) -> Findings:
    return _outside(sources, "msgspec", ("api/", "logs/entry.py", "storage/rows.py", "domain/value.py"))


def http2_engines_elsewhere(sources: Sources) -> Findings:
    return _outside(sources, "ngh2", ("api/http2.py", "workers/front/bundle.py"))


CRYPTOGRAPHERS = ("cryptography", "jwt", "cel_expr_python")


def secrets_made_outside_auth(sources: Sources) -> Findings:
    """Keys, tokens and conditions are the business of one layer."""
    return [finding for module in CRYPTOGRAPHERS for finding in _outside(sources, module, ("auth/",))]


def _outside(sources: Sources, module: str, allowed: tuple[str, ...]) -> Findings:
    places = tuple(f"src/{PACKAGE}/{place}" for place in allowed)
    return [
        source.at(line, f"{module} is imported")
        for source in sources
        if not source.file.startswith(places)
        for line in sorted({used.line for used in imports(source) if _is_or_in(used.name, module)})
    ]


_TICKS = r"(time|monotonic|perf_counter|process_time|thread_time|clock_gettime)(_ns)?"
# The second is of what stands apart, and imports nothing of ours.
_READERS_OF_TIME = frozenset({f"src/{PACKAGE}/domain/clock.py", f"src/{PACKAGE}/client/clock.py"})
_CLOCK = re.compile(rf"{_TICKS}|now|utcnow|today")
_CLOCKS = re.compile(rf"time\.{_TICKS}|(datetime\.)?datetime\.(now|utcnow|today)|(datetime\.)?date\.today")


def time_read_outside_the_clock(sources: Sources) -> Findings:
    """Only domain/clock.py reads time: not by a call, not by handing the function on, under no other name."""
    return [
        source.at(line, f"{name} reads the time")
        for source in sources
        if source.file not in _READERS_OF_TIME
        for line, name in sorted(set(_time_reads(source)))
    ]


def _time_reads(source: Source) -> Iterator[tuple[int, str]]:
    names: dict[str, str] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                names[alias.asname or alias.name] = full
                if _CLOCKS.fullmatch(full):
                    yield node.lineno, full
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and _CLOCK.fullmatch(node.attr):
            first, _, rest = ast.unparse(node).partition(".")
            full = f"{names.get(first, first)}.{rest}"
            if _CLOCKS.fullmatch(full):
                yield node.lineno, full


def long_modules(sources: Sources) -> Findings:
    lengths = [(source, len(source.text.splitlines())) for source in sources]
    return [source.at(length, f"{length} lines") for source, length in lengths if length > MAX_MODULE]


def long_functions(sources: Sources) -> Findings:
    return [
        source.at(node.lineno, f"{node.name} has {length} lines")
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION
    ]


_EMPTY_WORDS = re.compile(r"(util|utility|helper|manager|common|base)s?|utilities")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def empty_names(sources: Sources) -> Findings:
    """No module, class or function is named by a word that says nothing."""
    found = []
    for source in sources:
        if _is_empty(source.module.rpartition(".")[2]) or _is_empty(source.part):
            found.append(source.at(1, f"{source.module} says nothing"))
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and _is_empty(node.name):
                found.append(source.at(node.lineno, f"{node.name} says nothing"))
    return found


def _is_empty(name: str) -> bool:
    return any(_EMPTY_WORDS.fullmatch(word.lower()) for word in _WORD.findall(name))


Rule = Callable[[Sources], Findings]


@pytest.fixture(scope="module")
def package() -> Sources:
    sources = ROOT / "src"
    files = {path.relative_to(sources).as_posix(): path.read_text() for path in sources.rglob("*.py")}
    assert f"{PACKAGE}/domain/clock.py" in files
    return read(files)


def _lines(findings: Findings) -> str:
    return "\n".join(["", *findings])


def test_every_import_points_to_the_left(package: Sources) -> None:
    assert not wrong_arrows(package), _lines(wrong_arrows(package))


def test_no_module_imports_itself_by_way_of_others(package: Sources) -> None:
    assert not circles(package), _lines(circles(package))


def test_googles_messages_stay_in_the_api(package: Sources) -> None:
    assert not google_outside_the_api(package), _lines(google_outside_the_api(package))


def test_http_2_is_framed_towards_clients_and_towards_workers_only(package: Sources) -> None:
    findings = http2_engines_elsewhere(package)
    assert not findings, _lines(findings)


def test_msgspec_stays_in_rows_values_and_the_api(package: Sources) -> None:
    findings = msgspec_where_bytes_and_structs_are_not_made(package)
    assert not findings, _lines(findings)


def test_keys_tokens_and_conditions_are_read_in_auth_only(package: Sources) -> None:
    assert not secrets_made_outside_auth(package), _lines(secrets_made_outside_auth(package))


def test_only_the_clock_reads_the_time(package: Sources) -> None:
    assert not time_read_outside_the_clock(package), _lines(time_read_outside_the_clock(package))


def test_modules_are_short(package: Sources) -> None:
    assert not long_modules(package), _lines(long_modules(package))


def test_functions_are_short(package: Sources) -> None:
    assert not long_functions(package), _lines(long_functions(package))


def test_names_say_something(package: Sources) -> None:
    assert not empty_names(package), _lines(empty_names(package))


# Planted examples


def plant(files: Mapping[str, str]) -> Sources:
    """Modules by their path in the package."""
    return read({f"{PACKAGE}/{path}.py": text for path, text in files.items()})


@pytest.mark.parametrize(
    ("module", "text", "finding"),
    [
        ("domain/a", "from kumotasks.storage.b import x", "1: domain may not import storage"),
        ("domain/a", "import kumotasks.server", "1: domain may not import server"),
        ("domain/a", "import kumotasks.api.rpc as x", "1: domain may not import api"),
        ("domain/a", "from kumotasks import server", "1: domain may not import server"),
        ("domain/a", "from ..storage import b", "1: domain may not import storage"),
        ("domain/a", "from .. import storage", "1: domain may not import storage"),
        ("storage/a", "x = 1\nfrom kumotasks.logs import b", "2: storage may not import logs"),
        ("service/a", "from kumotasks.dispatch.b import x", "1: service may not import dispatch"),
        ("dispatch/a", "from kumotasks.service.b import x", "1: dispatch may not import service"),
        ("auth/a", "def f():\n    from kumotasks.service import x", "2: auth may not import service"),
        ("api/a", "from kumotasks.server import x", "1: api may not import server"),
        ("server", "from kumotasks.cli import x", "1: server may not import cli"),
        ("settings", "from kumotasks.storage import x", "1: settings may not import storage"),
        ("lifecycle", "from kumotasks.settings import x", "1: lifecycle may not import settings"),
        ("api/a", "from kumotasks.settings import x", "1: api may not import settings"),
        ("api/a", "from kumotasks.configuration.b import x", "1: api may not import configuration"),
        ("configuration/a", "from kumotasks.auth.b import x", "1: configuration may not import auth"),
        ("configuration/a", "import kumotasks.lifecycle", "1: configuration may not import lifecycle"),
        ("configuration/a", "from kumotasks.settings import x\nfrom kumotasks.domain import y", ""),
        ("client/a", "from kumotasks.domain.names import x", "1: client may not import domain"),
        ("cli/a", "from kumotasks.testing import x", "1: cli may not import testing"),
        ("stray", "x = 1", "1: stray belongs to no layer"),
        ("domain/a", "from kumotasks.domain.b import x\nfrom . import c", ""),
        ("cli/a", "from kumotasks import __version__, server\nfrom kumotasks.domain import b", ""),
        ("service/a", "from kumotasks.auth import x\nfrom kumotasks.logs.b import y", ""),
        ("server", "import kumotasks.settings\nimport kumotasks.api.asgi", ""),
    ],
)
def test_a_wrong_arrow_is_found(module: str, text: str, finding: str) -> None:
    expected = [f"src/kumotasks/{module}.py:{finding}"] if finding else []
    assert wrong_arrows(plant({module: text})) == expected


@pytest.mark.parametrize(
    ("files", "finding"),
    [
        (
            {"domain/a": "from kumotasks.domain.b import x", "domain/b": "x = 1\nfrom kumotasks.domain import a"},
            "src/kumotasks/domain/a.py:1: kumotasks.domain.a imports kumotasks.domain.b imports kumotasks.domain.a",
        ),
        (
            {
                "domain/a": "from .b import x",
                "domain/b": "def f():\n    from .c import x",
                "domain/c": "import kumotasks.domain.a",
            },
            (
                "src/kumotasks/domain/a.py:1: kumotasks.domain.a imports kumotasks.domain.b imports kumotasks.domain.c"
                " imports kumotasks.domain.a"
            ),
        ),
        ({"domain/a": "from .b import x", "domain/b": "from .c import x", "domain/c": "x = 1"}, None),
        (
            {
                "api/tasks/__init__": "from kumotasks.api.tasks.a import x",
                "api/tasks/a": "from kumotasks.api.tasks import b",
                "api/tasks/b": "x = 1",
            },
            None,
        ),
        (
            {
                "api/tasks/__init__": "from kumotasks.api.tasks.a import x",
                "api/tasks/a": "from kumotasks.api.tasks import x",
            },
            (
                "src/kumotasks/api/tasks/__init__.py:1: kumotasks.api.tasks imports kumotasks.api.tasks.a"
                " imports kumotasks.api.tasks"
            ),
        ),
    ],
)
def test_a_circle_is_found(files: dict[str, str], finding: str | None) -> None:
    assert circles(plant(files)) == ([finding] if finding else [])


@pytest.mark.parametrize(
    ("rule", "module", "text", "line"),
    [
        (google_outside_the_api, "service/a", "x = 1\nfrom google.rpc import status_pb2", 2),
        (google_outside_the_api, "cli/a", "import google.protobuf.message as m", 1),
        (google_outside_the_api, "domain/a", "def f():\n    from google import protobuf", 2),
        (google_outside_the_api, "api/tasks/a", "from google.rpc import status_pb2", None),
        (google_outside_the_api, "service/a", "import googleapiclient, mygoogle.x", None),
        (google_outside_the_api, "service/a", "from kumotasks.service import google", None),
        (msgspec_where_bytes_and_structs_are_not_made, "storage/sqlite", "import msgspec", 1),
        (msgspec_where_bytes_and_structs_are_not_made, "service/a", "from msgspec.json import decode", 1),
        (msgspec_where_bytes_and_structs_are_not_made, "storage/rows", "import msgspec", None),
        (msgspec_where_bytes_and_structs_are_not_made, "api/a", "from msgspec import json", None),
        (http2_engines_elsewhere, "workers/h2c", "import ngh2", 1),
        (http2_engines_elsewhere, "workers/front/bundle", "import ngh2", None),
        (secrets_made_outside_auth, "service/a", "x = 1\nfrom cryptography import x509", 2),
        (secrets_made_outside_auth, "server/a", "import cryptography.hazmat.primitives.hashes as h", 1),
        (secrets_made_outside_auth, "api/oauth/a", "def f():\n    import jwt", 2),
        (secrets_made_outside_auth, "dispatch/a", "from jwt.algorithms import RSAAlgorithm", 1),
        (secrets_made_outside_auth, "cli/a", "from cel_expr_python import cel", 1),
        (secrets_made_outside_auth, "authority", "import jwt", 1),
        (secrets_made_outside_auth, "auth/a", "import cryptography, jwt\nfrom cel_expr_python import cel", None),
        (secrets_made_outside_auth, "service/a", "import jwtish\nfrom kumotasks.auth import jwt", None),
        (time_read_outside_the_clock, "service/a", "import time\nx = time.time()", 2),
        (time_read_outside_the_clock, "service/a", "import time as t\nx = t.monotonic_ns", 2),
        (time_read_outside_the_clock, "service/a", "from time import perf_counter as p", 1),
        (time_read_outside_the_clock, "service/a", "from datetime import datetime as d, UTC\nx = [d.now(UTC)]", 2),
        (time_read_outside_the_clock, "service/a", "import datetime\n\nx = datetime.datetime.utcnow()", 3),
        (time_read_outside_the_clock, "service/a", "from datetime import date\nx = date.today", 2),
        (time_read_outside_the_clock, "domain/clock", "import time\nx = time.time()", None),
        (time_read_outside_the_clock, "service/a", "import time\ntime.sleep\nx.time()\nclock.now()", None),
        (time_read_outside_the_clock, "service/a", "from datetime import datetime\ndatetime.fromtimestamp(0)", None),
        (long_modules, "domain/a", "x = 1\n" * 351, 351),
        (long_modules, "domain/a", "x = 1\n" * 350, None),
        (long_functions, "domain/a", "class A:\n    async def f(self):\n" + "        x = 1\n" * 40, 2),
        (long_functions, "domain/a", "def f():\n" + "    x = 1\n" * 40, 1),
        (long_functions, "domain/a", "def f():\n" + "    x = 1\n" * 39, None),
        (empty_names, "service/utils", "x = 1", 1),
        (empty_names, "helpers/a", "x = 1", 1),
        (empty_names, "service/a", "x = 1\nclass TaskManager: ...", 2),
        (empty_names, "service/a", "class BaseThing: ...", 1),
        (empty_names, "service/a", "class HTTPHelper: ...", 1),
        (empty_names, "service/a", "class A:\n    def common_part(self): ...", 2),
        (
            empty_names,
            "service/a",
            "import base64\nclass Database: ...\ndef basement(): ...\ndef uncommon(): ...",
            None,
        ),
    ],
)
def test_a_planted_fault_is_found(rule: Rule, module: str, text: str, line: int | None) -> None:
    found = rule(plant({module: text}))
    expected = [] if line is None else [f"src/kumotasks/{module}.py:{line}"]
    assert [finding.rpartition(": ")[0] for finding in found] == expected
