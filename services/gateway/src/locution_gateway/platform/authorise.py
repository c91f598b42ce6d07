"""Who may do what."""

from __future__ import annotations

from typing import Final

from locution_common.errors import Reason, Refused

from locution_gateway.platform.principal import Principal, Role

_RANK: Final = {role: rank for rank, role in enumerate(Role)}


def require(principal: Principal, least: Role) -> None:
    """Refuse with PERMISSION_DENIED unless the principal has at least this role."""
    if _RANK[principal.role] < _RANK[least]:
        raise Refused(Reason.PERMISSION_DENIED, f"this needs the role {least.value}")
