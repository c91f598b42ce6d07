"""Open uploads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from locution.v1.upload_service_pb2_grpc import add_UploadServiceServicer_to_server
from locution_common.errors import Reason
from locution_common.objects import ObjectStore, open_store

from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.quotas.postgres.guard import QuotaGuard
from locution_gateway.quotas.settings import QuotaSettings
from locution_gateway.quotas.slots import SlotKinds
from locution_gateway.uploads.complete import CompleteUpload, Unverified
from locution_gateway.uploads.create import CreateUpload, UploadLimits
from locution_gateway.uploads.objects import S3Objects
from locution_gateway.uploads.part_urls import CreatePartUrls
from locution_gateway.uploads.ports import UploadJobs
from locution_gateway.uploads.postgres import PostgresUploads
from locution_gateway.uploads.read import DeleteUpload, ReadUploads
from locution_gateway.uploads.servicer import Uploads
from locution_gateway.uploads.settings import UploadSettings
from locution_gateway.uploads.verify import VerifyUpload
from locution_gateway.uploads.write import PART_SIZE, WriteUpload


async def open_api(assembly: Assembly[Any]) -> None:
    """Serve UploadService."""
    settings, clock = assembly.settings(UploadSettings), assembly.clock
    public = await assembly.enter(open_store(settings.public_store()))
    objects = assembly.provide(S3Objects(assembly.need(ObjectStore), public))
    store = assembly.provide(
        PostgresUploads(assembly.need(TenantDatabase), assembly.need(UploadJobs), assembly.need(QuotaGuard))
    )
    limits = UploadLimits(
        settings.max_upload_bytes,
        assembly.settings(QuotaSettings).max_open_uploads,
        settings.upload_idle,
        settings.upload_retention,
        timedelta(seconds=settings.upload_silence_seconds),
        settings.upload_min_bytes_per_second,
    )
    lease = timedelta(seconds=settings.verify_lease_seconds)
    verify = assembly.provide(VerifyUpload(store, objects, clock, lease, settings.upload_retention))
    unverified = assembly.provide(Unverified())
    complete = CompleteUpload(store, objects, verify, limits, PART_SIZE, settings.inline_verify_bytes, unverified.set)
    slots = assembly.need(SlotKinds).make("upload", settings.max_write_streams, Reason.OVERLOADED)
    uploads = Uploads(
        create=assembly.provide(CreateUpload(store, limits)),
        write=assembly.provide(WriteUpload(store, objects, complete, limits, slots)),
        complete=complete,
        read=ReadUploads(store),
        delete=DeleteUpload(store),
        part_urls=CreatePartUrls(store, objects, PART_SIZE, timedelta(seconds=settings.upload_part_url_seconds)),
    )
    assembly.serve("locution.v1.UploadService", add_UploadServiceServicer_to_server, uploads)
