"""Keys of an upload's bytes in the object store."""

from __future__ import annotations

from uuid import UUID

from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import TenantId

ROOT = "uploads/"


def folder(tenant_id: TenantId, upload_id: UploadId) -> str:
    """Return the prefix of everything that belongs to an upload until it is READY."""
    return f"{ROOT}{tenant_id}/{upload_id}/"


def object_key(tenant_id: TenantId, upload_id: UploadId) -> str:
    """Return the key of an upload that is stored in parts."""
    return f"{folder(tenant_id, upload_id)}object"


def tail_key(tenant_id: TenantId, upload_id: UploadId, unique: UUID) -> str:
    """Return a key that no other stream writes."""
    return f"{folder(tenant_id, upload_id)}tail-{unique}"
