"""`kumo tasks queues *-iam-policy*`: who may do what with a queue."""

from __future__ import annotations

from collections.abc import Callable

from kumotasks.cli.client import Json
from kumotasks.cli.command import Command, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.policy import BINDING, from_file, with_member, without_member
from kumotasks.cli.resource import basename, path
from kumotasks.cli.tasks.names import queue_name
from kumotasks.cli.tasks.queues import QUEUE

Change = Callable[[Json, str, str], Json]


def read(line: Line) -> object:
    return _policy(line, queue_name(line, line.text("queue")))


def write(line: Line) -> object:
    policy = from_file(line.text("policy_file"))
    return _written(line, queue_name(line, line.text("queue")), policy)


def _changing(change: Change) -> Callable[[Line], object]:
    def run(line: Line) -> object:
        name = queue_name(line, line.text("queue"))
        return _written(line, name, change(_policy(line, name), line.text("role"), line.text("member")))

    return run


def _policy(line: Line, name: str) -> Json:
    return line.call("POST", path("v2", name, ":getIamPolicy"), body={})


def _written(line: Line, name: str, policy: Json) -> Json:
    made = line.call("POST", path("v2", name, ":setIamPolicy"), body={"policy": policy})
    line.say(f"Updated IAM policy for queue [{basename(name)}].")
    return made


_MEMBER = "\\\n    --member=serviceAccount:sender@shop.iam.gserviceaccount.com --role=roles/cloudtasks.enqueuer"
COMMANDS = (
    Command(
        "tasks queues get-iam-policy",
        "who may do what with a queue",
        "kumo tasks queues get-iam-policy mail",
        read,
        QUEUE,
        located=True,
    ),
    Command(
        "tasks queues set-iam-policy",
        "put a whole policy in a queue's place of one",
        "kumo tasks queues set-iam-policy mail policy.yaml",
        write,
        (*QUEUE, Positional("POLICY_FILE", "a policy, in JSON or YAML")),
        located=True,
    ),
    Command(
        "tasks queues add-iam-policy-binding",
        "let somebody do something with a queue",
        f"kumo tasks queues add-iam-policy-binding mail {_MEMBER}",
        _changing(with_member),
        QUEUE,
        BINDING,
        located=True,
    ),
    Command(
        "tasks queues remove-iam-policy-binding",
        "take back what a binding allows",
        f"kumo tasks queues remove-iam-policy-binding mail {_MEMBER}",
        _changing(without_member),
        QUEUE,
        BINDING,
        located=True,
    ),
)
