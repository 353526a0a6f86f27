"""The calls of google.cloud.run.v2.Revisions: from message to use case and back."""

from __future__ import annotations

from typing import Any

from kumotasks.api.call import Caller
from kumotasks.api.run import messages as m
from kumotasks.api.run.convert_operation import deletion_message
from kumotasks.api.run.convert_revision import revision_message
from kumotasks.domain.run.names import parse_revision, parse_service
from kumotasks.workers.deploying.revisions import Revisions


class RevisionCalls:
    """Get, list, delete."""

    def __init__(self, revisions: Revisions) -> None:
        self._revisions = revisions

    async def get(self, request: Any, caller: Caller) -> Any:
        return revision_message(await self._revisions.get(parse_revision(request.name)))

    async def list(self, request: Any, caller: Caller) -> Any:
        page = await self._revisions.list(
            parse_service(request.parent), page_size=request.page_size, page_token=request.page_token
        )
        shown = [revision_message(each) for each in page.revisions]
        return m.ListRevisionsResponse(revisions=shown, next_page_token=page.next_page_token)

    async def delete(self, request: Any, caller: Caller) -> Any:
        gone = await self._revisions.delete(
            parse_revision(request.name), if_etag=request.etag, validate_only=request.validate_only
        )
        return deletion_message(gone)
