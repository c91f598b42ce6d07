"""The synchronous S3 client: minio's with public calls for parts, and with domain errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import urllib3
from minio import Minio
from minio.datatypes import ListMultipartUploadsResult, ListPartsResult, Part
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError

from .errors import DependencyUnavailable, InternalError, ObjectNotFound, Refused
from .presign import presign
from .settings import ObjectStoreSettings

_ABSENT: Final = {"NoSuchKey", "NoSuchUpload", "NoSuchBucket", "NotFound", "PreconditionFailed"}
_BUSY: Final = {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"}


class S3Client(Minio):
    """minio's client hides parts behind put_object, but a resumable upload is made of parts."""

    def put(self, bucket: str, key: str, data: bytes, headers: Mapping[str, str]) -> str:
        """Store an object in one request and return its tag."""
        return self._put_object(bucket, key, data, dict(headers)).etag or ""

    def create_upload(self, bucket: str, key: str, headers: Mapping[str, str]) -> str:
        """Start a multipart upload and return its id."""
        return self._create_multipart_upload(bucket, key, dict(headers))

    def upload_part(self, bucket: str, key: str, upload_id: str, number: int, data: bytes) -> str:
        """Store one part and return its tag."""
        return self._upload_part(bucket, key, data, None, upload_id, number)

    def list_parts(self, bucket: str, key: str, upload_id: str, after: int) -> ListPartsResult:
        """Return a page of the parts whose numbers are above `after`."""
        return self._list_parts(bucket, key, upload_id, part_number_marker=str(after))

    def complete_upload(self, bucket: str, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Join parts, given by number and tag."""
        self._complete_multipart_upload(bucket, key, upload_id, [Part(number, etag) for number, etag in parts])

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Abort a multipart upload."""
        self._abort_multipart_upload(bucket, key, upload_id)

    def list_uploads(self, bucket: str, prefix: str) -> ListMultipartUploadsResult:
        """Return the first thousand multipart uploads in progress."""
        return self._list_multipart_uploads(bucket, prefix=prefix)

    def presign_part(self, bucket: str, key: str, upload_id: str, number: int, size: int, expires: timedelta) -> str:
        """Return a URL for a PUT of exactly `size` bytes as one part."""
        found = self._provider.retrieve() if self._provider else None
        if found is None:
            raise InternalError("presigned URLs need credentials")
        region = self._get_region(bucket)
        query = {"partNumber": str(number), "uploadId": upload_id}
        if found.session_token:
            query["X-Amz-Security-Token"] = found.session_token
        url = self._base_url.build(method="PUT", region=region, bucket_name=bucket, object_name=key)
        return presign(
            "PUT",
            url._replace(query="").geturl(),
            query,
            {"content-length": str(size)},
            access_key=found.access_key,
            secret_key=found.secret_key,
            region=region,
            time=datetime.now(UTC),
            expires=expires,
        )

    def read(self, bucket: str, key: str, offset: int, length: int | None, etag: str | None) -> bytes:
        """Return a range of an object if it still has the tag `etag`."""
        headers: Any = {"If-Match": f'"{etag}"'} if etag else None
        response = self.get_object(bucket, key, offset, length or 0, request_headers=headers)
        try:
            return response.read()
        finally:
            response.close()
            response.release_conn()

    def close(self) -> None:
        """Close every connection."""
        self._http.clear()


def connect(settings: ObjectStoreSettings) -> S3Client:
    """Return a client; it connects on its first call."""
    retries = urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504])
    timeout = urllib3.Timeout(connect=settings.s3_connect_timeout, read=settings.s3_read_timeout)
    return S3Client(
        settings.s3_endpoint,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=settings.s3_secure,
        region=settings.s3_region,
        http_client=urllib3.PoolManager(maxsize=settings.s3_connections, block=True, timeout=timeout, retries=retries),
    )


@contextmanager
def translated() -> Iterator[None]:
    """Convert errors of minio and urllib3 to domain errors."""
    try:
        yield
    except S3Error as error:
        raise _domain_error(error) from error
    except (ServerError, InvalidResponseError, urllib3.exceptions.HTTPError, OSError) as error:
        raise DependencyUnavailable("the object store cannot be reached") from error
    except MinioException as error:
        raise InternalError(f"the object store refused the call: {error}") from error


def _domain_error(error: S3Error) -> Refused:
    if error.code in _ABSENT:
        return ObjectNotFound(f"{error.object_name or error.bucket_name}: {error.code}")
    if error.code in _BUSY:
        return DependencyUnavailable("the object store is busy")
    return InternalError(f"the object store refused the call: {error.code}")
