"""Who may do what."""

from __future__ import annotations

from typing import Final

from locution_gateway.domain.errors import PermissionDenied
from locution_gateway.domain.identity import Principal, Role

_RANK: Final = {role: rank for rank, role in enumerate(Role)}


def require(principal: Principal, least: Role) -> None:
    """Raise PermissionDenied unless the principal has at least this role."""
    if _RANK[principal.role] < _RANK[least]:
        raise PermissionDenied(f"this needs the role {least.value}")
