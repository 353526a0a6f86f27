"""The flags of `kumo run deploy` and `services update`: what each of them does to a service's JSON of v2. Pure.

A flag and its change stand in one row of a table. What needs more than the flag's value (traffic, tags, names of
revisions) is deploy.py's.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kumotasks.cli.client import Failure
from kumotasks.cli.command import Flag, Json
from kumotasks.cli.durations import duration
from kumotasks.cli.line import Line
from kumotasks.cli.run.document import container, inner, items, template, texts
from kumotasks.cli.run.variables import merged, with_values, without
from kumotasks.cli.values import BadValue, Value, one_of, pairs, parts, several, whole

SOURCE = "kumo.tasks/source"  # the annotation of a template that names a directory of the server's machine
DEFAULT = "default"
_INGRESS = {
    "all": "INGRESS_TRAFFIC_ALL",
    "internal": "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "internal-and-cloud-load-balancing": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
}
_EXECUTION = {"gen1": "EXECUTION_ENVIRONMENT_GEN1", "gen2": "EXECUTION_ENVIRONMENT_GEN2"}
Change = Callable[[Json, object], None]


@dataclass(frozen=True, slots=True)
class Setting:
    """A flag, and what its value does to a service."""

    flag: Flag
    change: Change


def changed(service: Json, line: Line) -> Json:
    """The service with everything that the line says."""
    made: Json = json.loads(json.dumps(service))
    for setting in SETTINGS:
        if line.is_given(setting.flag.name):
            setting.change(made, line[setting.flag.name])
    return made


def settings_given(line: Line) -> bool:
    return any(line.is_given(setting.flag.name) for setting in SETTINGS)


def command_line(written: str) -> object:
    """Words as a shell parts them; one word with commas is gcloud's list."""
    try:
        words = shlex.split(written)
    except ValueError as error:
        raise BadValue(f"Bad value [{written}]: {error}.") from None
    return parts(words[0]) if len(words) == 1 and "," in words[0] else words


def _or_default(read: Value) -> Value:
    """A value, or the word `default`."""
    return lambda written: DEFAULT if written == DEFAULT else read(written)


def _seconds(written: str) -> object:
    """A duration as JSON has it."""
    found = duration(written)
    assert isinstance(found, float)
    return f"{found:.9f}".rstrip("0").rstrip(".") + "s"


def _set(where: Callable[[Json], Json], name: str) -> Change:
    """Put the value in a field; `default` leaves it to the server."""

    def change(service: Json, value: object) -> None:
        if value == DEFAULT:
            where(service).pop(name, None)
        else:
            where(service)[name] = value

    return change


def _word(where: Callable[[Json], Json], name: str, words: dict[str, str]) -> Change:
    return lambda service, value: _set(where, name)(service, words[str(value)])


def _switch(where: Callable[[Json], Json], name: str, *, on: bool) -> Change:
    return lambda service, _: _set(where, name)(service, on)


def _service(service: Json) -> Json:
    return service


def _scaling(service: Json) -> Json:
    return inner(service, "scaling")


def _template_scaling(service: Json) -> Json:
    return inner(template(service), "scaling")


def _resources(service: Json) -> Json:
    """Whoever says anything of resources has to say whether a processor idles between requests."""
    holder = container(service)
    if not holder.get("resources"):
        holder["resources"] = {"cpuIdle": True}
    return inner(holder, "resources")


def _limits(service: Json) -> Json:
    return inner(_resources(service), "limits")


def _image(service: Json, value: object) -> None:
    container(service)["image"] = value
    inner(template(service), "annotations").pop(SOURCE, None)


def _source(service: Json, value: object) -> None:
    directory = Path(str(value)).expanduser().resolve()
    if not directory.is_dir():
        raise Failure(f"The source [{value}] is no directory.")
    container(service).pop("image", None)
    inner(template(service), "annotations")[SOURCE] = str(directory)


def _port(service: Json, value: object) -> None:
    port: Json = {} if value == DEFAULT else {"containerPort": value}
    container(service)["ports"] = [_port_named(service) | port]


def _protocol(name: str) -> Change:
    def change(service: Json, _: object) -> None:
        ports = items(container(service), "ports") or [{}]
        container(service)["ports"] = [{**ports[0], "name": name}]

    return change


def _port_named(service: Json) -> Json:
    """What a port keeps when its number changes."""
    ports = items(container(service), "ports")
    return {"name": ports[0]["name"]} if ports and "name" in ports[0] else {}


def _labels(*, anew: bool) -> Change:
    """Labels are the service's and its next revisions'."""

    def change(service: Json, value: object) -> None:
        for holder in (service, template(service)):
            holder["labels"] = merged(value) if anew else {**inner(holder, "labels"), **merged(value)}

    return change


def _without_labels(service: Json, value: object) -> None:
    for holder in (service, template(service)):
        labels = inner(holder, "labels")
        for name in list(labels) if value is True else _list(value):
            labels.pop(name, None)


def _audiences(service: Json, add: list[str], remove: list[str]) -> None:
    kept = [each for each in texts(service, "customAudiences") if each not in remove]
    service["customAudiences"] = [*kept, *(each for each in add if each not in kept)]


def _list(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


_NUMBER = _or_default(whole(0))
_VARIABLES = "NAME=VALUE,..."
SETTINGS = (
    Setting(Flag("image", "what to run: an image that kumo.toml maps to a command, or the public hello image"), _image),
    Setting(
        Flag(
            "source",
            "the directory to run, on the server's machine; what to start in it is said by --command, or by the line "
            "`web:` of a file Procfile",
            metavar="DIR",
        ),
        _source,
    ),
    Setting(
        Flag("command", "what to start, in the words of a shell; or gcloud's list: A,B,C", command_line, "COMMAND"),
        _set(container, "command"),
    ),
    Setting(Flag("args", "what the command is given: A,B,C", several, "ARG,..."), _set(container, "args")),
    Setting(Flag("port", "where it listens, which it learns from PORT (8080)", _or_default(whole(1, 65_535))), _port),
    Setting(Flag("use-http2", "speak HTTP/2 to it, without TLS", None), _protocol("h2c")),
    Setting(Flag("no-use-http2", "speak HTTP/1.1 to it", None), _protocol("http1")),
    Setting(
        Flag("concurrency", "requests that an instance has at once (80)", _or_default(whole(1)), metavar="N"),
        _set(template, "maxInstanceRequestConcurrency"),
    ),
    Setting(
        Flag("timeout", "how long a request may take (300): 600, 10m, at most 60m", _seconds, metavar="DURATION"),
        _set(template, "timeout"),
    ),
    Setting(
        Flag("min-instances", "instances that a revision keeps while nothing comes (0)", _NUMBER, metavar="N"),
        _set(_template_scaling, "minInstanceCount"),
    ),
    Setting(
        Flag("max-instances", "instances that a revision has at most (100)", _NUMBER, metavar="N"),
        _set(_template_scaling, "maxInstanceCount"),
    ),
    Setting(
        Flag("min", "instances that the service keeps, over all its revisions", _NUMBER, metavar="N"),
        _set(_scaling, "minInstanceCount"),
    ),
    Setting(
        Flag("max", "instances that the service has at most, over all its revisions", _NUMBER, metavar="N"),
        _set(_scaling, "maxInstanceCount"),
    ),
    Setting(Flag("memory", "what an instance may use (512Mi): 1Gi, 256Mi"), _set(_limits, "memory")),
    Setting(Flag("cpu", "processors of an instance (1); accepted, and not limited here"), _set(_limits, "cpu")),
    Setting(
        Flag("cpu-throttling", "accepted: no processor is taken away here", None),
        _switch(_resources, "cpuIdle", on=True),
    ),
    Setting(
        Flag("no-cpu-throttling", "accepted, as above", None),
        _switch(_resources, "cpuIdle", on=False),
    ),
    Setting(Flag("cpu-boost", "accepted", None), _switch(_resources, "startupCpuBoost", on=True)),
    Setting(Flag("no-cpu-boost", "accepted", None), _switch(_resources, "startupCpuBoost", on=False)),
    Setting(
        Flag("execution-environment", "accepted: gen1 or gen2", one_of(*_EXECUTION), metavar="NAME"),
        _word(template, "executionEnvironment", _EXECUTION),
    ),
    Setting(
        Flag("service-account", "the e-mail of the account that it acts as (the project's Compute Engine account)"),
        _set(template, "serviceAccount"),
    ),
    Setting(
        Flag("ingress", f"who may come near: {', '.join(_INGRESS)}", one_of(*_INGRESS)),
        _word(_service, "ingress", _INGRESS),
    ),
    Setting(Flag("description", "words for people"), _set(_service, "description")),
    Setting(
        Flag("set-env-vars", "its environment, all of it", pairs, _VARIABLES, repeated=True),
        lambda service, value: with_values(container(service), merged(value), anew=True),
    ),
    Setting(
        Flag("clear-env-vars", "take all variables out", None),
        lambda service, _: with_values(container(service), {}, anew=True),
    ),
    Setting(
        Flag("remove-env-vars", "take these variables out", several, metavar="NAME,..."),
        lambda service, value: without(container(service), _list(value)),
    ),
    Setting(
        Flag("update-env-vars", "these variables besides those that it has", pairs, _VARIABLES, repeated=True),
        lambda service, value: with_values(container(service), merged(value), anew=False),
    ),
    Setting(Flag("labels", "its labels, all of them", pairs, "KEY=VALUE,..."), _labels(anew=True)),
    Setting(Flag("clear-labels", "take all labels away", None), _without_labels),
    Setting(Flag("remove-labels", "take these labels away", several, metavar="KEY,..."), _without_labels),
    Setting(
        Flag("update-labels", "these labels besides those that it has", pairs, "KEY=VALUE,..."), _labels(anew=False)
    ),
    Setting(
        Flag("set-custom-audiences", "for whom tokens may be made besides its URLs", several, metavar="AUDIENCE,..."),
        _set(_service, "customAudiences"),
    ),
    Setting(
        Flag("clear-custom-audiences", "its URLs alone", None),
        lambda service, _: _audiences(service, [], texts(service, "customAudiences")),
    ),
    Setting(
        Flag("remove-custom-audiences", "these no longer", several, metavar="AUDIENCE,..."),
        lambda service, value: _audiences(service, [], _list(value)),
    ),
    Setting(
        Flag("add-custom-audiences", "these besides those that it has", several, metavar="AUDIENCE,..."),
        lambda service, value: _audiences(service, _list(value), []),
    ),
    Setting(
        Flag("invoker-iam-check", "ask callers who they are", None),
        _switch(_service, "invokerIamDisabled", on=False),
    ),
    Setting(
        Flag("no-invoker-iam-check", "ask nobody who he is, whatever the policy", None),
        _switch(_service, "invokerIamDisabled", on=True),
    ),
    Setting(Flag("default-url", "let it have its URL", None), _switch(_service, "defaultUriDisabled", on=False)),
    Setting(
        Flag("no-default-url", "answer at other hosts only, those of kumo.toml", None),
        _switch(_service, "defaultUriDisabled", on=True),
    ),
)


def _one_of(*members: str | tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple((each,) if isinstance(each, str) else each for each in members)


EXCLUSIVE = (
    _one_of("image", "source"),
    _one_of("set-env-vars", "clear-env-vars", ("update-env-vars", "remove-env-vars")),
    _one_of("labels", "clear-labels", ("update-labels", "remove-labels")),
    _one_of("labels", "update-labels"),
    _one_of("set-custom-audiences", "clear-custom-audiences", ("add-custom-audiences", "remove-custom-audiences")),
    *(
        _one_of(each, f"no-{each}")
        for each in ("use-http2", "cpu-throttling", "cpu-boost", "invoker-iam-check", "default-url")
    ),
)
FLAGS = tuple(setting.flag for setting in SETTINGS)
