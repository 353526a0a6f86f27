"""What a call needs: the permission of its row on the resource of its path, and then what its request adds."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from google.cloud.tasks_v2.types import cloudtasks, queue
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2

from kumotasks.api.call import Caller, JsonRoute, RawCall, RawRoute, Route
from kumotasks.api.needs import needs_of, nothing
from kumotasks.domain.principal import Need

QUEUE = "projects/p/locations/l/queues/q"
ACCOUNT = "a@p.iam.gserviceaccount.com"


class Key(msgspec.Struct, kw_only=True):
    project: str
    account: str
    key: str = ""


async def unused(request: Any, caller: Caller) -> Any:
    raise AssertionError("needs are found without a call")


def row(path: str, permission: str, request: Any = cloudtasks.DeleteTaskRequest) -> Route:
    return Route("s", "M", request.pb(), empty_pb2.Empty, "POST", path, "", permission, unused)


def json_row(resource: str, permission: str = "x.y.get") -> JsonRoute:
    path = "/v1/projects/{project}/serviceAccounts/{account}/keys/{key}"
    return JsonRoute("s", "M", "GET", path, Key, permission, resource, unused)


def test_a_permission_is_needed_on_what_the_path_names() -> None:
    needs = needs_of(row("/v2/{name=projects/*/locations/*/queues/*/tasks/*}", "cloudtasks.tasks.delete"))
    request = cloudtasks.DeleteTaskRequest.pb()(name=f"{QUEUE}/tasks/t")
    assert needs(request) == (Need("cloudtasks.tasks.delete", f"{QUEUE}/tasks/t"),)


def test_the_field_of_the_path_may_lie_deeper() -> None:
    path = "/v2/{queue.name=projects/*/locations/*/queues/*}"
    needs = needs_of(row(path, "cloudtasks.queues.update", cloudtasks.UpdateQueueRequest))
    request = cloudtasks.UpdateQueueRequest.pb()(queue=queue.Queue.pb()(name=QUEUE))
    assert needs(request) == (Need("cloudtasks.queues.update", QUEUE),)


def test_without_a_permission_nothing_is_needed() -> None:
    assert needs_of(row("/v2/{name=projects/*}", "")) is nothing
    assert needs_of(json_row("", "")) is nothing
    assert nothing(object()) == ()


def test_what_the_request_adds_is_judged_after_the_permission_of_the_row() -> None:
    added = (Need("first", "a"), Need("second", "b"))
    route = replace(row("/v2/{name=projects/*}", "main"), needs=lambda request: added)
    assert needs_of(route)(cloudtasks.DeleteTaskRequest.pb()(name="projects/p")) == (Need("main", "projects/p"), *added)


def test_a_row_may_need_only_what_the_request_adds() -> None:
    route = replace(row("/v2/{name=projects/*}", ""), needs=lambda request: (Need("x", request.name),))
    assert needs_of(route)(cloudtasks.DeleteTaskRequest.pb()(name="projects/p")) == (Need("x", "projects/p"),)


@pytest.mark.parametrize("named", ["p", "projects/p"])
def test_a_bare_last_part_is_completed_to_the_name_of_its_resource_once(named: str) -> None:
    route = Route(
        "s", "SetIamPolicy", iam_policy_pb2.SetIamPolicyRequest, policy_pb2.Policy, "POST",
        "/v1/projects/{resource}:setIamPolicy", "*", "resourcemanager.projects.setIamPolicy", unused,
        resource="projects/{}",
    )  # fmt: skip
    request = iam_policy_pb2.SetIamPolicyRequest(resource=named)
    assert needs_of(route)(request) == (Need("resourcemanager.projects.setIamPolicy", "projects/p"),)


@pytest.mark.parametrize("task_id", ["", "t"])
def test_a_call_with_an_opaque_body_is_judged_by_its_path_whatever_form_that_has(task_id: str) -> None:
    route = RawRoute(
        "s", "BufferTask", "POST", "/v2/{queue=projects/*/locations/*/queues/*}/tasks/{task_id=*}:buffer",
        "cloudtasks.tasks.create", unused, empty_pb2.Empty,
    )  # fmt: skip
    variables = {"queue": QUEUE} | ({"task_id": task_id} if task_id else {})
    assert needs_of(route)(RawCall(variables, (), (), b"{}")) == (Need("cloudtasks.tasks.create", QUEUE),)


def test_a_call_of_plain_json_fills_the_name_of_its_resource_from_the_path() -> None:
    needs = needs_of(json_row("projects/{project}/serviceAccounts/{account}"))
    request = Key(project="-", account=ACCOUNT, key="k")
    assert needs(request) == (Need("x.y.get", f"projects/-/serviceAccounts/{ACCOUNT}"),)


def test_a_resource_may_be_named_without_any_variable() -> None:
    assert needs_of(json_row("projects/home"))(Key(project="p", account="a")) == (Need("x.y.get", "projects/home"),)


@pytest.mark.parametrize("text", ["{account}", "{0}", "{project.__class__}", "{", "}}", "%s", "a/../b"])
def test_what_a_caller_writes_into_a_path_is_never_read_as_a_template(text: str) -> None:
    needs = needs_of(json_row("projects/{project}/serviceAccounts/{account}"))
    assert needs(Key(project=text, account="a")) == (Need("x.y.get", f"projects/{text}/serviceAccounts/a"),)


def test_a_resource_that_its_request_cannot_name_is_found_out() -> None:
    needs = needs_of(json_row("projects/{nobody}"))
    with pytest.raises(AttributeError):
        needs(cast("Any", SimpleNamespace(project="p")))
