"""What calls on tasks and queues need beyond the permission of their row: the full view, an account, an application.

The expectations are the sentences of the reference (section 8), not the code's own.
"""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.tasks_v2.types import cloudtasks
from google.protobuf import json_format

from kumotasks.api.tasks.needs import of_batch, of_creation, of_listed_view, of_named_view, of_queue
from kumotasks.domain.principal import Need

QUEUE = "projects/p/locations/l/queues/q"
TASK = f"{QUEUE}/tasks/t"
EMAIL = "w@p.iam.gserviceaccount.com"
ACT_AS = Need("iam.serviceAccounts.actAs", f"projects/-/serviceAccounts/{EMAIL}", shown=EMAIL)
FULL_ON_QUEUE = Need("cloudtasks.tasks.fullView", QUEUE)
APPLICATION = Need("appengine.applications.get", "projects/p")
HTTP = {"httpRequest": {"url": "https://w.example/"}}
OIDC = {"httpRequest": {"url": "https://w.example/", "oidcToken": {"serviceAccountEmail": EMAIL}}}
OAUTH = {"httpRequest": {"url": "https://w.example/", "oauthToken": {"serviceAccountEmail": EMAIL}}}
APP = {"appEngineHttpRequest": {"relativeUri": "/"}}


def asked(message: str, **fields: Any) -> Any:
    return json_format.ParseDict(fields, getattr(cloudtasks, f"{message}Request").pb()())


def creation(task: dict[str, Any], view: str = "BASIC") -> Any:
    return asked("CreateTask", parent=QUEUE, task=task, responseView=view)


@pytest.mark.parametrize("view", ["VIEW_UNSPECIFIED", "BASIC"])
def test_a_plain_task_needs_nothing_more(view: str) -> None:
    assert of_creation(creation(HTTP, view)) == ()
    assert of_creation(creation({}, view)) == ()


@pytest.mark.parametrize("task", [OIDC, OAUTH])
def test_a_task_with_a_token_needs_to_act_as_its_account(task: dict[str, Any]) -> None:
    assert of_creation(creation(task)) == (ACT_AS,)


def test_the_denial_calls_an_account_by_its_email() -> None:
    (need,) = of_creation(creation(OIDC))
    assert need.told == EMAIL


def test_a_token_of_nobody_is_not_the_gates_to_judge() -> None:
    assert of_creation(creation({"httpRequest": {"url": "https://w.example/", "oidcToken": {"audience": "x"}}})) == ()


def test_an_app_engine_task_needs_the_application_of_its_project() -> None:
    assert of_creation(creation(APP)) == (APPLICATION,)


def test_an_answer_in_full_needs_the_full_view_before_anything_else() -> None:
    assert of_creation(creation(HTTP, "FULL")) == (FULL_ON_QUEUE,)
    assert of_creation(creation(APP, "FULL")) == (FULL_ON_QUEUE, APPLICATION)
    assert of_creation(creation(OIDC, "FULL")) == (FULL_ON_QUEUE, ACT_AS)


def test_a_batch_needs_what_each_of_its_tasks_needs_once() -> None:
    creations = [{"parent": QUEUE, "task": each} for each in (HTTP, OIDC, APP, OAUTH, OIDC, APP)]
    request = asked("BatchCreateTasks", parent=QUEUE, requests=creations)
    assert of_batch(request) == (ACT_AS, APPLICATION)


def test_one_task_in_full_makes_a_batch_need_the_full_view() -> None:
    creations = [{"task": HTTP}, {"task": HTTP, "responseView": "FULL"}]
    assert of_batch(asked("BatchCreateTasks", parent=QUEUE, requests=creations)) == (FULL_ON_QUEUE,)


def test_a_batch_is_judged_on_its_own_queue_whatever_its_members_say() -> None:
    elsewhere = {"parent": "projects/mine/locations/l/queues/q", "task": APP, "responseView": "FULL"}
    assert of_batch(asked("BatchCreateTasks", parent=QUEUE, requests=[elsewhere])) == (FULL_ON_QUEUE, APPLICATION)


def test_an_empty_batch_needs_nothing_more() -> None:
    assert of_batch(asked("BatchCreateTasks", parent=QUEUE)) == ()


@pytest.mark.parametrize("message", ["GetTask", "RunTask"])
def test_a_task_in_full_needs_the_full_view_of_that_task(message: str) -> None:
    assert of_named_view(asked(message, name=TASK, responseView="FULL")) == (Need("cloudtasks.tasks.fullView", TASK),)
    assert of_named_view(asked(message, name=TASK, responseView="BASIC")) == ()
    assert of_named_view(asked(message, name=TASK)) == ()


def test_tasks_listed_in_full_need_the_full_view_of_the_queue() -> None:
    assert of_listed_view(asked("ListTasks", parent=QUEUE, responseView="FULL")) == (FULL_ON_QUEUE,)
    assert of_listed_view(asked("ListTasks", parent=QUEUE)) == ()


@pytest.mark.parametrize("message", ["CreateQueue", "UpdateQueue"])
@pytest.mark.parametrize("token", ["oidcToken", "oauthToken"])
def test_a_queue_whose_target_carries_a_token_needs_to_act_as_its_account(message: str, token: str) -> None:
    queue = {"name": QUEUE, "httpTarget": {token: {"serviceAccountEmail": EMAIL}}}
    assert of_queue(asked(message, queue=queue)) == (ACT_AS,)


@pytest.mark.parametrize("queue", [{}, {"name": QUEUE}, {"httpTarget": {"uriOverride": {"host": "w.example"}}}])
def test_a_queue_without_a_token_needs_nothing_more(queue: dict[str, Any]) -> None:
    assert of_queue(asked("UpdateQueue", queue=queue)) == ()
