"""Expect a refusal by its reason."""

from __future__ import annotations

import pytest
from locution_common.errors import Reason, Refused


def refusal(reason: Reason, *, match: str | None = None) -> pytest.RaisesExc[Refused]:
    """Expect a refusal with this reason, whose message matches."""
    return pytest.raises(Refused, match=match, check=lambda error: error.reason is reason)
