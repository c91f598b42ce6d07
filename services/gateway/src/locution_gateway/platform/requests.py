"""Repeated calls return the first call's resource for 24 hours (AIP-155)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection

from locution_gateway.platform.principal import Principal


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The identity of a repeatable call: the method, the client's id, and a digest of the request (AIP-155)."""

    method: str
    request_id: str
    fingerprint: str


MEMORY: Final = timedelta(hours=24)

# A concurrent call with the same id waits here until the first one ends; an expired id counts as new.
CLAIM: Final = """
INSERT INTO gateway.requests AS r (tenant_id, method, request_id, fingerprint, resource_id, created_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id, method, request_id) DO UPDATE
SET fingerprint = EXCLUDED.fingerprint, resource_id = EXCLUDED.resource_id, created_by = EXCLUDED.created_by,
    create_time = now()
WHERE r.create_time < now() - $7::interval
RETURNING resource_id
"""

FIND: Final = """
SELECT fingerprint, resource_id FROM gateway.requests
WHERE tenant_id = $1 AND method = $2 AND request_id = $3 AND create_time >= now() - $4::interval
"""


async def find(connection: Connection, principal: Principal, request: RequestKey) -> UUID | None:
    """Return the resource of an earlier identical request. Refuses a reused id with REQUEST_ID_REUSED."""
    row = await connection.fetchrow(FIND, principal.tenant_id, request.method, request.request_id, MEMORY)
    if row is None:
        return None
    if row["fingerprint"] != request.fingerprint:
        raise Refused(Reason.REQUEST_ID_REUSED)
    return UUID(str(row["resource_id"]))


async def claim(
    connection: Connection, principal: Principal, request: RequestKey | None, resource_id: UUID
) -> UUID | None:
    """Record the resource of a request; return the resource of an earlier identical request, if any.

    Refuses with REQUEST_ID_REUSED if another request used the id.
    """
    if request is None:
        return None
    claimed = await connection.fetchval(
        CLAIM,
        principal.tenant_id,
        request.method,
        request.request_id,
        request.fingerprint,
        resource_id,
        principal.subject,
        MEMORY,
    )
    return None if claimed is not None else await find(connection, principal, request)
