"""`kumo config`: what need not be said on every line, and named sets of it."""

from __future__ import annotations

from kumotasks.cli.client import Failure
from kumotasks.cli.command import Command, Flag, Json, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.properties import KNOWN
from kumotasks.cli.suggest import nearest

_PROPERTY = "SECTION/NAME, or NAME alone for core/NAME: " + ", ".join(KNOWN)
_ONE = (Positional("PROPERTY", _PROPERTY),)
_NAME = (Positional("NAME", "the configuration's name"),)


def set_property(line: Line) -> object:
    name, properties = _full(line.text("property")), line.properties
    if variable := properties.overridden_by(name):
        line.warn(f"Property [{name}] is overridden by the variable {variable}.")
    properties.set(name, line.text("value"))
    line.say(f"Updated property [{name}].")
    return None


def unset(line: Line) -> object:
    name = _full(line.text("property"))
    line.properties.set(name, None)
    line.say(f"Unset property [{name}].")
    return None


def get_value(line: Line) -> object:
    """As gcloud's: a project or location that is nowhere set is the server's, which lines would use."""
    name = _full(line.text("property"))
    found = line.properties.get(name) or _of_server(line, name)
    if not found:
        line.say("(unset)")
        return None
    print(found)
    return None


def list_properties(line: Line) -> object:
    asked = line.text("section_or_property")
    names = {name: value for name, value in line.properties.all().items() if _is_in(name, asked)}
    if line.on("all"):
        names = {name: names.get(name, "") for name in KNOWN if _is_in(name, asked)}
    if not line.is_given("format"):
        line.say(f"Your active configuration is: [{line.properties.active}]")
    return _nested(names)


def list_configurations(line: Line) -> object:
    properties = line.properties
    return [
        {
            "name": name,
            "is_active": name == properties.active,
            "properties": _nested(properties.all(name)),
        }
        for name in properties.names()
    ]


def describe(line: Line) -> object:
    name, properties = line.text("name"), line.properties
    if not properties.exists(name):
        raise Failure(f"The configuration [{name}] does not exist.")
    return {"is_active": name == properties.active, "name": name, "properties": _nested(properties.all(name))}


def create(line: Line) -> object:
    line.properties.create(line.text("name"))
    line.say(f"Created [{line.text('name')}].")
    if not line.on("no-activate"):
        return activate(line)
    return None


def activate(line: Line) -> object:
    line.properties.activate(line.text("name"))
    line.say(f"Activated [{line.text('name')}].")
    return None


def delete(line: Line) -> object:
    for name in line.texts("name"):
        line.confirm(f"The configuration [{name}] will be deleted. Do you want to continue")
        line.properties.delete(name)
        line.say(f"Deleted [{name}].")
    return None


def _of_server(line: Line, name: str) -> str:
    match name:
        case "core/project":
            return line.client.page.project
        case "tasks/location" | "run/region":
            return line.client.page.location
    return ""


def _full(written: str) -> str:
    """A property's name with its section. Raises Failure if there is no such property."""
    name = written if "/" in written else f"core/{written}"
    if name in KNOWN:
        return name
    section, _, key = name.partition("/")
    if not any(each.startswith(f"{section}/") for each in KNOWN):
        raise Failure(f'Section "{section}" does not exist.')
    near = nearest(name, KNOWN)
    hint = f" Did you mean [{near}]?" if near else ""
    raise Failure(f"Section [{section}] has no property [{key}].{hint}")


def _is_in(name: str, asked: str) -> bool:
    return not asked or name == asked or name.startswith(f"{asked}/") or name == f"core/{asked}"


def _nested(flat: dict[str, str]) -> Json:
    found: dict[str, dict[str, str]] = {}
    for name, value in sorted(flat.items()):
        section, _, key = name.partition("/")
        found.setdefault(section, {})[key] = value
    return dict(found)


GROUPS = {"config": "what need not be said on every line", "config configurations": "named sets of properties"}
COMMANDS = (
    Command(
        "config set",
        "keep a property in the active configuration",
        "kumo config set project shop",
        set_property,
        (*_ONE, Positional("VALUE", "its value")),
    ),
    Command("config unset", "forget a property", "kumo config unset tasks/location", unset, _ONE),
    Command("config get-value", "the value in force", "kumo config get-value project", get_value, _ONE),
    Command("config get", "the value in force", "kumo config get tasks/location", get_value, _ONE),
    Command(
        "config list",
        "the properties in force",
        "kumo config list --format=json",
        list_properties,
        (Positional("SECTION_OR_PROPERTY", "only this section or property", "?"),),
        (Flag("all", "those that are not set, too", None),),
        format="config",
    ),
    Command(
        "config configurations list",
        "the named configurations",
        "kumo config configurations list",
        list_configurations,
        format="table(name, is_active, properties.core.account, properties.core.project, "
        "properties.tasks.location:label=LOCATION, properties.api.endpoint)",
        listed=True,
    ),
    Command(
        "config configurations create",
        "a new configuration, used from now on",
        "kumo config configurations create work",
        create,
        _NAME,
        (Flag("no-activate", "go on using the one in use", None),),
    ),
    Command(
        "config configurations activate",
        "use a configuration from now on",
        "kumo config configurations activate work",
        activate,
        _NAME,
    ),
    Command(
        "config configurations describe",
        "what a configuration holds",
        "kumo config configurations describe work",
        describe,
        _NAME,
    ),
    Command(
        "config configurations delete",
        "delete a configuration that is not in use",
        "kumo config configurations delete work --quiet",
        delete,
        (Positional("NAME", "the configuration's name", "+"),),
    ),
)
