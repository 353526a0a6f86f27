"""IAM policies of queues: get, set, test. They are stored; enforcing them is the authorizer's."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import InvalidArgument, PolicyChanged, QueueNotFound
from kumotasks.domain.names import parse_queue
from kumotasks.domain.policy import EMPTY_ETAG, Binding, Condition, Policy, check_policy, seen_by
from kumotasks.storage.records import ABSENT, Record, RecordChanged, Records
from kumotasks.storage.store import Store

KIND = "policy"


class Policies:
    """Policies on queues, kept as records under the queue's name."""

    def __init__(self, store: Store, records: Records, clock: Clock) -> None:
        self._store = store
        self._records = records
        self._clock = clock

    async def get(self, resource: str, version: int) -> Policy:
        """The policy of a queue, as seen by a caller that knows policies up to `version`."""
        await self._store.get_queue(parse_queue(resource))
        record = await self._records.get_record(KIND, resource)
        return seen_by(_policy(record), version)

    async def set(self, resource: str, policy: Policy, paths: tuple[str, ...]) -> Policy:
        """Replace the policy, or the parts of it in `paths`; with an etag only if it is still the one."""
        name = parse_queue(resource)
        await self._store.get_queue(name)
        check_policy(policy)
        unknown = set(paths) - {"bindings", "etag", "version", "*"}
        if unknown:
            raise InvalidArgument(f"Invalid field mask: '{min(unknown)}' is not a field of Policy.")
        current = await self._records.get_record(KIND, resource)
        wanted = policy if not paths or {"bindings", "*"} & set(paths) else _policy(current)
        try:
            record = await self._records.put_record(
                KIND, resource, _bytes(wanted), now=self._clock.now(), if_etag=_etag(policy.etag)
            )
        except RecordChanged as changed:
            raise PolicyChanged from changed
        return _policy(record)

    async def test(self, resource: str, permissions: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `permissions` the caller holds: all, as long as nobody is asked who he is; none without a queue."""
        for permission in permissions:
            if "*" in permission or not permission:
                raise InvalidArgument(f"Permission {permission} is not valid.")
        try:
            await self._store.get_queue(parse_queue(resource))
        except QueueNotFound:
            return ()
        return tuple(dict.fromkeys(permissions))


def _etag(etag: bytes) -> str | None:
    if not etag:
        return None
    return ABSENT if etag == EMPTY_ETAG else etag.decode(errors="replace")


def _bytes(policy: Policy) -> bytes:
    return json.dumps(
        {"version": policy.version, "bindings": [asdict(binding) for binding in policy.bindings]}
    ).encode()


def _policy(record: Record | None) -> Policy:
    if record is None:
        return Policy()
    stored = json.loads(record.value)
    bindings = tuple(
        Binding(
            binding["role"],
            tuple(binding["members"]),
            Condition(**binding["condition"]) if binding["condition"] else None,
        )
        for binding in stored["bindings"]
    )
    return replace(Policy(), version=stored["version"], bindings=bindings, etag=record.etag.encode())
