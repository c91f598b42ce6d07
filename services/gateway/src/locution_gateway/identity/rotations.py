"""What both services that rotate keys read alike."""

from __future__ import annotations

from datetime import UTC

from locution.v1.account_service_pb2 import RotateApiKeyRequest
from locution.v1.administration_service_pb2 import RotateTenantApiKeyRequest

from locution_gateway.identity.api_keys import Rotation
from locution_gateway.identity.convert import last_of


def rotation(request: RotateApiKeyRequest | RotateTenantApiKeyRequest) -> Rotation:
    """Return which key is rotated, and how."""
    overlap = request.overlap.ToTimedelta() if request.HasField("overlap") else None
    end = request.expire_time.ToDatetime(tzinfo=UTC) if request.HasField("expire_time") else None
    return Rotation(last_of(request.name), overlap, end)
