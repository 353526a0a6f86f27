"""A dead letter as a filter sees it: lowerCamelCase keys, instants in RFC 3339; no bodies, no headers. Pure."""

from __future__ import annotations

from kumotasks.domain.target import HttpMethod, HttpRequest
from kumotasks.logs.times import rfc3339
from kumotasks.storage.history import DeadLetter


def document(letter: DeadLetter) -> dict[str, object]:
    """`task`, `createTime`, `deathTime`, `attempts`, `httpStatus`, `code`, `message`, `reason`, `excerpt`, and the
    target as `url` or `relativeUri` with its `method`."""
    task, last = letter.task, letter.last
    return {
        "task": str(task.name),
        "createTime": rfc3339(task.create_time),
        "deathTime": rfc3339(last.ended),
        "attempts": task.progress.dispatch_count,
        "code": last.code,
        "message": last.message,
        "reason": last.reason,
        "excerpt": last.excerpt.decode(errors="replace"),
        **({} if last.status is None else {"httpStatus": last.status}),
        **_target(letter),
    }


def _target(letter: DeadLetter) -> dict[str, object]:
    target = letter.task.target
    method = HttpMethod(target.http_method or HttpMethod.POST).name
    if isinstance(target, HttpRequest):
        return {"url": target.url, "method": method}
    return {"relativeUri": target.relative_uri, "method": method}
