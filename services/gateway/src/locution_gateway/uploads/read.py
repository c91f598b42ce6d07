"""Read and delete uploads."""

from __future__ import annotations

from locution_gateway.platform.authorise import require
from locution_gateway.platform.filters import parse_filter
from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.listing import PageQuery
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.uploads.models import Upload
from locution_gateway.uploads.postgres import COLUMNS, PostgresUploads


class ReadUploads:
    """Reads a tenant's uploads."""

    def __init__(self, uploads: PostgresUploads) -> None:
        self._uploads = uploads

    async def get(self, principal: Principal, upload_id: UploadId) -> Upload:
        """Read one. Refuses with UPLOAD_NOT_FOUND."""
        return await self._uploads.get(principal, upload_id)

    async def list(self, principal: Principal, size: int, token: str, wanted: str) -> tuple[tuple[Upload, ...], str]:
        """Read a page, newest first, and the token of the next. Refuses with FILTER_INVALID, PAGE_TOKEN_INVALID."""
        binding = Binding(principal, "uploads", wanted)
        parsed = parse_filter(wanted, COLUMNS)
        query = PageQuery(page_size(size), parsed, after=binding.position(token))
        page = await self._uploads.list(principal, query)
        return page.rows, binding.token(page.last)


class DeleteUpload:
    """Aborts or deletes an upload."""

    def __init__(self, uploads: PostgresUploads) -> None:
        self._uploads = uploads

    async def run(self, principal: Principal, upload_id: UploadId, version: int | None) -> None:
        """Delete it with its bytes. Refuses with UPLOAD_STATE_CONFLICT, ETAG_MISMATCH."""
        require(principal, Role.MEMBER)
        await self._uploads.delete(principal, upload_id, version)
