"""`kumo run deploy` and `services update`: a service as a line asks for it, made or changed, and waited for."""

from __future__ import annotations

import secrets
import string

from kumotasks.cli.client import Failure, WrongCall
from kumotasks.cli.command import Command, Flag, Json
from kumotasks.cli.line import Line
from kumotasks.cli.resource import named
from kumotasks.cli.run import changes, traffic
from kumotasks.cli.run.document import inner, items, number, template
from kumotasks.cli.run.flags import EXCLUSIVE, FLAGS, changed, settings_given
from kumotasks.cli.run.names import ONE_SERVICE, PLATFORM, REGION, SERVICE, service_name
from kumotasks.cli.run.policies import let_everybody_call, let_nobody_call_unasked

NONCE = "client.knative.dev/nonce"  # a label that makes every deployment a revision of its own, as gcloud's does
_LETTERS = string.ascii_lowercase
NOTHING: tuple[Json, ...] = ()  # what is shown: the sentences have said it all
_REVISING = ("no-traffic", "tag", "revision-suffix")


def deploy(line: Line) -> object:
    name = service_name(line, line.text("service"))
    if not (line.is_given("image") or line.is_given("source")):
        raise WrongCall("argument --image | --source: one of them must be specified.")
    found = named(name, SERVICE) or {}
    line.say(
        f"Deploying container to Cloud Run service [{found['services']}] in project [{found['projects']}] "
        f"region [{found['locations']}]"
    )
    before = changes.found(line, name)
    if before is None:
        operation = changes.create(line, name, _asked(line, name, {}))
    else:
        operation = changes.change(line, name, lambda service: _asked(line, name, service))
    line.say("Deploying...")
    _let_in(line, name, anew=before is None)
    return _ended(line, name, operation)


def update(line: Line) -> object:
    if not (settings_given(line) or any(line.is_given(each) for each in _REVISING)):
        raise Failure("No configuration change requested. Did you mean to include the flags you want to change?")
    name = service_name(line, line.text("service"))
    operation = changes.change(line, name, lambda service: _asked(line, name, service))
    line.say("Deploying...")
    return _ended(line, name, operation)


def _asked(line: Line, name: str, service: Json) -> Json:
    """The service as the line asks for it, with a revision to come."""
    made = changed(service, line)
    ident = name.rpartition("/")[2]
    asked = traffic.shares(made) or [traffic.Share(traffic.LATEST, traffic.WHOLE)]
    if line.on("no-traffic"):
        ready = traffic.latest_ready(service)
        if not ready:
            raise Failure("--no-traffic not supported when creating a new service.")
        asked = traffic.pinned(asked, ready)
    suffix = line.text("revision-suffix")
    if tag := line.text("tag"):
        # An address is a revision's, which therefore needs a name before it is there.
        suffix = suffix or f"{number(service, 'generation') + 1:05d}-{_letters(3)}"
        asked = traffic.tagged(asked, {tag: f"{ident}-{suffix}"})
    traffic.put(made, asked)
    template(made).pop("revision", None)
    if suffix:
        template(made)["revision"] = f"{ident}-{suffix}"
    inner(template(made), "labels")[NONCE] = _letters(10)
    return made


def _let_in(line: Line, name: str, *, anew: bool) -> None:
    """Who may call it without saying who he is."""
    if line.on("allow-unauthenticated"):
        line.say("Setting IAM Policy...")
        let_everybody_call(line, name)
    elif line.on("no-allow-unauthenticated") and not anew:
        let_nobody_call_unasked(line, name)


def _ended(line: Line, name: str, operation: Json) -> object:
    """Wait, and say what came of it."""
    ident = name.rpartition("/")[2]
    if line.on("async"):
        line.say(f"Service [{ident}] is deploying asynchronously.")
        return NOTHING
    changes.waited(line, operation, "Deployment failed")
    line.say("Done.")
    for sentence in told(changes.read(line, name), ident, traffic_wanted=not line.on("no-traffic")):
        line.say(sentence)
    return NOTHING


def told(service: Json, ident: str, *, traffic_wanted: bool) -> list[str]:
    """What a deployment came to, in gcloud's words."""
    field = "latestReadyRevision" if traffic_wanted else "latestCreatedRevision"
    revision = str(service.get(field) or "").rpartition("/")[2]
    serving = [each for each in items(service, "trafficStatuses") if each.get("revision") == revision]
    percent = sum(number(each, "percent") for each in serving) if traffic_wanted else 0
    said = [f"Service [{ident}] revision [{revision}] has been deployed and is serving {percent} percent of traffic."]
    if percent:
        said.append(f"Service URL: {service.get('uri', '')}")
    tagged = [str(each["uri"]) for each in serving if each.get("uri")]
    return said + [f"The revision can be reached directly at {each}" for each in tagged]


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


_ASYNC = Flag("async", "do not wait until it is done", None)
_REVISION = (
    Flag("no-traffic", "let the new revision have no requests yet", None),
    Flag("tag", "give the new revision an address of its own: TAG---host"),
    Flag("revision-suffix", "what the new revision's name ends in"),
)
_OPEN = (
    Flag("allow-unauthenticated", "let everybody call it", None),
    Flag("no-allow-unauthenticated", "let in only who may call it: what holds unless it is said", None),
)
COMMANDS = (
    Command(
        "run deploy",
        "run a service: a new one, or a new revision of one that is there",
        "kumo run deploy worker --source=. --command='python main.py' --region=us-central1 \\\n"
        "    --no-allow-unauthenticated --set-env-vars=MODE=fast --timeout=60m --concurrency=80",
        deploy,
        ONE_SERVICE,
        (*FLAGS, *_OPEN, *_REVISION, _ASYNC, REGION, PLATFORM),
        (*EXCLUSIVE, (("allow-unauthenticated",), ("no-allow-unauthenticated",))),
        format="none",
    ),
    Command(
        "run services update",
        "change a service; what is not named stays. The change is a new revision",
        "kumo run services update worker --update-env-vars=MODE=slow --timeout=600 --region=us-central1",
        update,
        ONE_SERVICE,
        (*FLAGS, *_REVISION, _ASYNC, REGION, PLATFORM),
        EXCLUSIVE,
        format="none",
    ),
)
