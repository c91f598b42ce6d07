"""The reaper deletes what is due. Several processes may run every piece, and a failure affects only its piece."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

from locution_common.clock import Clock

from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.platform.background import guarded
from locution_gateway.platform.principal import system
from locution_gateway.platform.troubled import TroubledRows, Work
from locution_gateway.upkeep.postgres import Deletion, PostgresUpkeep
from locution_gateway.uploads.ports import ObjectBytes
from locution_gateway.uploads.postgres import PostgresUploads

BATCH: Final = 100
REQUEST_MEMORY: Final = timedelta(hours=24)
DELETION_PAUSE: Final = timedelta(seconds=20)

# A multipart upload's id is stored in the database at once, so an older unknown one has no owner.
MULTIPART_AGE: Final = timedelta(minutes=2)

TROUBLE_MEMORY: Final = timedelta(days=7)


class Reaper:
    """Expires uploads and jobs, and deletes unreferenced objects from the object store."""

    def __init__(
        self,
        upkeep: PostgresUpkeep,
        uploads: PostgresUploads,
        jobs: PostgresJobs,
        objects: ObjectBytes,
        clock: Clock,
        upload_retention: timedelta,
        troubled: TroubledRows,
    ) -> None:
        self._upkeep = upkeep
        self._uploads = uploads
        self._jobs = jobs
        self._objects = objects
        self._clock = clock
        self._upload_retention = upload_retention
        self._troubled = troubled

    async def run(self) -> None:
        """Do one round."""
        await guarded(self.expire_uploads)
        await guarded(self.expire_jobs)
        await guarded(self.delete_objects)
        await guarded(self.forget_requests)

    async def expire_uploads(self) -> None:
        """Expire idle uploads, and delete those whose retention has ended."""
        due = await self._upkeep.expired_uploads(BATCH)
        expire, retention = self._uploads.expire, self._upload_retention
        rows = [(tenant, upload, partial(expire, system(tenant), upload, retention)) for tenant, upload in due]
        await self._troubled.attempt(Work.EXPIRE_UPLOAD, rows)

    async def expire_jobs(self) -> None:
        """Delete jobs whose retention has ended."""
        due = await self._upkeep.expired_jobs(BATCH)
        rows = [(tenant, job, partial(self._jobs.expire, system(tenant), job)) for tenant, job in due]
        await self._troubled.attempt(Work.EXPIRE_JOB, rows)

    async def delete_objects(self) -> None:
        """Delete objects from the store; one that cannot be deleted now becomes due again."""
        while due := await self._upkeep.claim_deletions(BATCH, DELETION_PAUSE):
            rows = [(each.tenant_id, each.deletion_id, partial(self._delete, each)) for each in due]
            await self._troubled.attempt(Work.DELETE_OBJECT, rows)

    async def forget_requests(self) -> None:
        """Remove request ids after a day, and failures of rows after a week without one."""
        await self._upkeep.forget_requests(REQUEST_MEMORY, BATCH)
        await self._troubled.forget(TROUBLE_MEMORY)

    async def abort_multiparts(self) -> None:
        """Abort multipart uploads that a process started but never recorded before it died."""
        old = await self._objects.old_multiparts(self._clock.now() - MULTIPART_AGE)
        keys = {multipart_id: key for key, multipart_id in old}
        for multipart_id in await self._upkeep.abandoned_multiparts(list(keys)):
            await guarded(partial(self._objects.abort_multipart, keys[multipart_id], multipart_id))

    async def _delete(self, deletion: Deletion) -> None:
        if deletion.multipart_id is not None:
            await self._objects.abort_multipart(deletion.key, deletion.multipart_id)
        kept = await self._upkeep.kept_objects(deletion.key) if deletion.key.endswith("/") else ()
        await self._objects.delete(deletion.key, kept)
        await self._upkeep.finish_deletions([deletion.deletion_id])
