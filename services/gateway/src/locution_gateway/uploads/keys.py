"""Where an upload's bytes lie in the object store."""

from __future__ import annotations

from uuid import UUID

from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import TenantId

ROOT = "uploads/"


def folder(tenant_id: TenantId, upload_id: UploadId) -> str:
    """Return the prefix below which everything of an upload lies until it is READY."""
    return f"{ROOT}{tenant_id}/{upload_id}/"


def object_key(tenant_id: TenantId, upload_id: UploadId) -> str:
    """Return the key of an upload that is stored in parts."""
    return f"{folder(tenant_id, upload_id)}object"


def tail_key(tenant_id: TenantId, upload_id: UploadId, unique: UUID) -> str:
    """Return a key for bytes that no other stream writes."""
    return f"{folder(tenant_id, upload_id)}tail-{unique}"
