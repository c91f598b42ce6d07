"""Known and unknown key ids run the same calls: traced line by line, the paths are equal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import FrameType
from typing import Any
from uuid import UUID

from locution_common.errors import Reason
from locution_gateway.identity import tokens
from locution_gateway.identity.authenticate import KeyAuthenticator
from locution_gateway.identity.models import InvitationRecord, Issuer, KeyRecord, Login, SessionRecord
from locution_gateway.platform.principal import Principal, Role, SessionId, TenantId

from tests.support.clock import ManualClock
from tests.support.refusals import refusal

KNOWN, UNKNOWN = tokens.new_key(), tokens.new_key()
PRINCIPAL = Principal(TenantId(UUID(int=1)), "key:x", Role.MEMBER)


class OneKey:
    """Credentials of which there is one; asks are counted."""

    def __init__(self, *, known: bool = True) -> None:
        self.asked: list[str] = []
        self.known = known

    async def api_key(self, key_id: str) -> KeyRecord | None:
        self.asked.append(key_id)
        if key_id != KNOWN.token_id:
            return None
        return KeyRecord(PRINCIPAL, KNOWN.secret_hash, None, known=self.known)

    async def session(self, session_id: SessionId) -> SessionRecord | None:
        return None

    async def issuers(self, issuer: str) -> Sequence[Issuer]:
        return ()

    async def login(self, tenant: str, email: str) -> Login | None:
        return None

    async def invitation(self, invitation_id: UUID) -> InvitationRecord | None:
        return None

    async def touch(self, used: Mapping[str, datetime]) -> None: ...

    async def forget(self, limit: int) -> None: ...


async def lines_of(keys: KeyAuthenticator, token: str) -> list[tuple[str, int]]:
    """Return the lines of our code that refusing a token runs."""
    seen: list[tuple[str, int]] = []

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if "locution_" not in frame.f_code.co_filename:
            return None
        if event == "line":
            seen.append((frame.f_code.co_qualname, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        with refusal(Reason.UNAUTHENTICATED):
            await keys.authenticate(token)
    finally:
        sys.settrace(None)
    return seen


def wrong_secret() -> str:
    return f"loc_{KNOWN.token_id}_{UNKNOWN.token.split('_')[2]}"


async def test_known_unknown_and_revoked_ids_run_the_same_lines() -> None:
    keys = KeyAuthenticator(OneKey(), ManualClock())
    revoked = KeyAuthenticator(OneKey(known=False), ManualClock())
    for warm in (wrong_secret(), UNKNOWN.token):
        with refusal(Reason.UNAUTHENTICATED):
            await keys.authenticate(warm)
    with refusal(Reason.UNAUTHENTICATED):
        await revoked.authenticate(KNOWN.token)
    known = await lines_of(keys, wrong_secret())
    assert len(known) > 10
    assert await lines_of(keys, UNKNOWN.token) == known
    assert await lines_of(revoked, KNOWN.token) == known


async def test_a_good_key_is_taken_and_both_are_asked_for_once() -> None:
    store = OneKey()
    keys = KeyAuthenticator(store, ManualClock())
    for _ in range(3):
        assert await keys.authenticate(KNOWN.token) is PRINCIPAL
        with refusal(Reason.UNAUTHENTICATED):
            await keys.authenticate(UNKNOWN.token)
    assert sorted(store.asked) == sorted([KNOWN.token_id, UNKNOWN.token_id])


async def test_what_is_remembered_ends_before_five_seconds() -> None:
    store, clock = OneKey(), ManualClock()
    keys = KeyAuthenticator(store, clock)
    await keys.authenticate(KNOWN.token)
    store.known = False
    clock.advance(3.9)
    await keys.authenticate(KNOWN.token)
    clock.advance(0.2)
    with refusal(Reason.UNAUTHENTICATED):
        await keys.authenticate(KNOWN.token)


async def test_a_notice_makes_a_replica_ask_again() -> None:
    store = OneKey()
    keys = KeyAuthenticator(store, ManualClock())
    await keys.authenticate(KNOWN.token)
    store.known = False
    keys.forget(KNOWN.token_id)
    with refusal(Reason.UNAUTHENTICATED):
        await keys.authenticate(KNOWN.token)
