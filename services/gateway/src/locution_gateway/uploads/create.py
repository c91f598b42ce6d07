"""Create an upload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from locution_gateway.platform.authorise import require
from locution_gateway.platform.ids import UploadId, new_id
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.platform.requests import RequestKey
from locution_gateway.uploads import keys
from locution_gateway.uploads.models import NewUpload, Upload, too_large
from locution_gateway.uploads.postgres import PostgresUploads


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Limits of uploads: bytes of one, open ones per tenant, how long they are kept.

    A stream must bring `min_rate` bytes a second over `silence`.
    """

    max_bytes: int
    max_open: int
    idle: timedelta
    retention: timedelta
    silence: timedelta = timedelta(seconds=60)
    min_rate: int = 0


@dataclass(frozen=True, slots=True)
class UploadDraft:
    """A client's description of a new upload."""

    display_name: str
    media_type: str
    size: int | None
    sha256: str | None


class CreateUpload:
    """Creates an empty upload."""

    def __init__(self, uploads: PostgresUploads, limits: UploadLimits) -> None:
        self._uploads = uploads
        self._limits = limits

    async def run(self, principal: Principal, draft: UploadDraft, request: RequestKey | None) -> Upload:
        """Create it once per request_id. Refuses with UPLOAD_TOO_LARGE, QUOTA_EXCEEDED, REQUEST_ID_REUSED."""
        require(principal, Role.MEMBER)
        self.check(draft)
        upload_id = UploadId(new_id())
        upload = NewUpload(
            upload_id=upload_id,
            display_name=draft.display_name,
            media_type=draft.media_type,
            stated_size=draft.size,
            stated_sha256=draft.sha256,
            object_key=keys.object_key(principal.tenant_id, upload_id),
            idle=self._limits.idle,
            open_limit=self._limits.max_open,
        )
        return await self._uploads.create(principal, upload, request)

    def check(self, draft: UploadDraft) -> None:
        """Refuse with UPLOAD_TOO_LARGE if the stated size exceeds the limit."""
        if draft.size is not None and draft.size > self._limits.max_bytes:
            raise too_large(self._limits.max_bytes)
