"""Who calls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType
from uuid import UUID

TenantId = NewType("TenantId", UUID)


class Role(StrEnum):
    """What a principal may do, from least to most."""

    VIEWER = "VIEWER"
    MEMBER = "MEMBER"
    ADMIN = "ADMIN"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. Every port method takes one and sees the rows and objects of its tenant alone."""

    tenant_id: TenantId
    subject: str
    role: Role

    def system(self) -> Principal:
        """Return the principal under which the worker acts for this tenant."""
        return Principal(self.tenant_id, "system", Role.MEMBER)
