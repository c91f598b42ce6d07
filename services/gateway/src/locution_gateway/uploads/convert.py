"""Uploads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

from locution.v1 import upload_service_pb2 as pb
from locution_common.errors import Reason, Refused

from locution_gateway.platform.convert import duration, refuse_others, timestamp
from locution_gateway.platform.etags import etag
from locution_gateway.platform.names import UPLOADS
from locution_gateway.uploads.complete import StatedPart
from locution_gateway.uploads.create import UploadDraft
from locution_gateway.uploads.models import Upload
from locution_gateway.uploads.part_urls import PartUrl
from locution_gateway.uploads.write import Finish

SETTABLE: Final = frozenset({"display_name", "size_bytes", "sha256", "media_type"})


def draft(upload: pb.Upload) -> UploadDraft:
    """Return a client's description of a new upload. Refuses fields that clients cannot set with INVALID_REQUEST."""
    refuse_others(upload, "upload", SETTABLE)
    size = upload.size_bytes if upload.HasField("size_bytes") else None
    sha256 = upload.sha256 if upload.HasField("sha256") else None
    return UploadDraft(upload.display_name, upload.media_type, size, sha256)


def upload_to_proto(upload: Upload) -> pb.Upload:
    """Return the public form of an upload."""
    message = pb.Upload(
        name=UPLOADS.name(upload.upload_id),
        display_name=upload.display_name,
        state=pb.Upload.State.Value(f"STATE_{upload.state.value}"),
        committed_bytes=upload.committed_bytes,
        media_type=upload.media_type,
        create_time=timestamp(upload.create_time),
        update_time=timestamp(upload.update_time),
        expire_time=timestamp(upload.expire_time),
        error_reason=upload.error_reason,
        etag=etag(upload.version),
    )
    size = upload.stated_size if upload.size_bytes is None else upload.size_bytes
    if size is not None:
        message.size_bytes = size
    if sha256 := upload.sha256 or upload.stated_sha256:
        message.sha256 = sha256
    return message


def stated_parts(parts: Iterable[pb.UploadPart]) -> list[StatedPart]:
    """Return the parts in a client's request."""
    return [StatedPart(part.part_number, part.etag) for part in parts]


def part_urls_to_proto(urls: Iterable[PartUrl], part_size: int) -> pb.CreateUploadPartUrlsResponse:
    """Return presigned URLs."""
    found = [pb.UploadPartUrl(part_number=url.number, url=url.url, ttl=duration(url.ttl)) for url in urls]
    return pb.CreateUploadPartUrlsResponse(urls=found, part_size_bytes=part_size)


async def start(messages: AsyncIterator[pb.WriteUploadRequest]) -> pb.WriteUploadStart:
    """Return the first message of a stream. Refuses any message but `start` with STREAM_PROTOCOL_VIOLATED."""
    async for message in messages:
        if message.WhichOneof("message") == "start":
            return message.start
        break
    raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message of WriteUpload must be `start`")


async def pieces(messages: AsyncIterator[pb.WriteUploadRequest]) -> AsyncIterator[bytes | Finish]:
    """Yield the bytes of a stream, then its `finish`, if any, after checking that nothing follows it."""
    finish: Finish | None = None
    async for message in messages:
        kind = message.WhichOneof("message")
        if finish is not None or kind == "start":
            raise Refused(
                Reason.STREAM_PROTOCOL_VIOLATED, "`start` must be the first message only, and `finish` the last"
            )
        if kind == "finish":
            finish = _finish(message.finish)
        else:
            yield message.data
    if finish is not None:
        yield finish


def _finish(finish: pb.WriteUploadFinish) -> Finish:
    return Finish(finish.sha256 if finish.HasField("sha256") else None)
