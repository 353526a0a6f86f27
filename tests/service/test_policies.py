"""Policies of queues: kept, replaced only as they were read, and seen in the version that was asked for."""

from __future__ import annotations

import asyncio

import pytest

from kumotasks.domain.errors import InvalidArgument, PolicyChanged, QueueNotFound
from kumotasks.domain.policy import EMPTY_ETAG, Binding, Condition, Policy
from kumotasks.service.policies import Policies
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW, PARENT, a_queue

QUEUE = f"{PARENT}/queues/q"
NONE = f"{PARENT}/queues/none"
VIEWERS = Binding("roles/cloudtasks.viewer", ("user:a@b", "allUsers"))
ENQUEUERS = Binding("roles/cloudtasks.enqueuer", ("serviceAccount:s@p.iam.gserviceaccount.com",))
UNTIL_2030 = Condition("request.time < timestamp('2030-01-01T00:00:00Z')", "until 2030", "for now", "here")
FOR_A_WHILE = Binding("roles/cloudtasks.admin", ("user:c@d",), UNTIL_2030)


def policy(*bindings: Binding, version: int = 1, etag: bytes = b"") -> Policy:
    return Policy(version, bindings, etag)


@pytest.fixture(autouse=True)
async def a_queue_is_there(store: SqlStore) -> None:
    await store.create_queue(a_queue(), NOW)


async def test_a_queue_without_a_policy_shows_an_empty_one(policies: Policies) -> None:
    assert await policies.get(QUEUE, 0) == Policy(0, (), EMPTY_ETAG)


async def test_a_policy_is_kept_whole_with_an_etag_of_its_own(policies: Policies) -> None:
    written = await policies.set(QUEUE, policy(VIEWERS, FOR_A_WHILE, version=3), ())
    assert (written.version, written.bindings) == (3, (VIEWERS, FOR_A_WHILE))
    assert written.etag not in (b"", EMPTY_ETAG)
    assert await policies.get(QUEUE, 3) == written


async def test_a_policy_replaces_the_one_before(policies: Policies) -> None:
    first = await policies.set(QUEUE, policy(VIEWERS), ())
    second = await policies.set(QUEUE, policy(ENQUEUERS), ())
    assert second.bindings == (ENQUEUERS,)
    assert second.etag != first.etag


async def test_a_stale_etag_is_refused(policies: Policies) -> None:
    first = await policies.set(QUEUE, policy(VIEWERS), ())
    second = await policies.set(QUEUE, policy(ENQUEUERS, etag=first.etag), ())
    for etag in (first.etag, EMPTY_ETAG, b"\xff"):
        with pytest.raises(PolicyChanged) as refused:
            await policies.set(QUEUE, policy(VIEWERS, etag=etag), ())
        assert refused.value.message == (
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
        )
    assert await policies.get(QUEUE, 0) == second


async def test_the_empty_etag_means_that_there_was_none(policies: Policies) -> None:
    etag = (await policies.get(QUEUE, 0)).etag
    assert (await policies.set(QUEUE, policy(VIEWERS, etag=etag), ())).bindings == (VIEWERS,)


async def test_of_two_at_once_with_the_same_etag_one_is_refused(policies: Policies) -> None:
    etag = (await policies.set(QUEUE, policy(VIEWERS), ())).etag
    changes = [policies.set(QUEUE, policy(ENQUEUERS, etag=etag), ()) for _ in range(2)]
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["Policy", "PolicyChanged"]


@pytest.mark.parametrize(
    ("paths", "kept"),
    [(("bindings",), ENQUEUERS), (("bindings", "etag"), ENQUEUERS), (("*",), ENQUEUERS), (("etag",), VIEWERS)],
)
async def test_a_mask_names_what_is_replaced(paths: tuple[str, ...], kept: Binding, policies: Policies) -> None:
    await policies.set(QUEUE, policy(VIEWERS), ())
    assert (await policies.set(QUEUE, policy(ENQUEUERS), paths)).bindings == (kept,)


async def test_a_path_that_a_policy_does_not_have_is_refused(policies: Policies) -> None:
    with pytest.raises(InvalidArgument, match="'colour' is not a field of Policy"):
        await policies.set(QUEUE, policy(VIEWERS), ("bindings", "colour"))


async def test_what_iam_would_not_store_is_refused(policies: Policies) -> None:
    for wrong, sentence in (
        (policy(Binding("viewer", ("allUsers",))), "Role viewer is not supported"),
        (policy(Binding("roles/viewer", ("somebody",))), "Invalid member"),
        (policy(FOR_A_WHILE), "must be of version 3"),
        (policy(version=2), "must be 0, 1 or 3"),
    ):
        with pytest.raises(InvalidArgument, match=sentence):
            await policies.set(QUEUE, wrong, ())
    assert await policies.get(QUEUE, 0) == Policy()


async def test_a_caller_of_an_older_version_does_not_see_conditions(policies: Policies) -> None:
    await policies.set(QUEUE, policy(VIEWERS, FOR_A_WHILE, version=3), ())
    for version in (0, 1):
        seen = await policies.get(QUEUE, version)
        assert (seen.version, seen.bindings) == (1, (VIEWERS,))
    with pytest.raises(InvalidArgument, match="must be 0, 1 or 3"):
        await policies.get(QUEUE, 2)


async def test_a_queue_that_is_not_there_has_no_policy(policies: Policies) -> None:
    for call in (policies.get(NONE, 0), policies.set(NONE, policy(VIEWERS), ())):
        with pytest.raises(QueueNotFound):
            await call
    with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
        await policies.get("q", 0)


async def test_permissions_are_all_held_but_for_a_queue_that_is_not_there(policies: Policies) -> None:
    asked = ("cloudtasks.tasks.create", "cloudtasks.queues.get", "cloudtasks.tasks.create")
    assert await policies.test(QUEUE, asked) == asked[:2]
    assert await policies.test(NONE, asked) == ()
    assert await policies.test(QUEUE, ()) == ()


@pytest.mark.parametrize("permission", ["cloudtasks.*", "*", ""])
async def test_a_wildcard_is_no_permission(permission: str, policies: Policies) -> None:
    with pytest.raises(InvalidArgument, match="is not valid"):
        await policies.test(QUEUE, ("cloudtasks.tasks.create", permission))
