"""Defaults of jobs: a caller's preferences and a tenant's settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Final

from locution_common.errors import Reason, Refused
from locution_speech.languages import AUTO, UnknownLanguage, read

from locution_gateway.jobs.config import Afterwards, JobDefaults, JobRequestConfig, StoredDefaults
from locution_gateway.jobs.configure import OWN, Filled, fill
from locution_gateway.jobs.postgres.defaults import PostgresDefaults
from locution_gateway.platform.masks import checked
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.reach import Reach

WHOLE: Final = "job_defaults"
CONFIG: Final = "job_defaults.config"
FORMAT: Final = "job_defaults.export_format"
_FIELDS: Final = tuple(field.name for field in fields(JobRequestConfig))
PATHS: Final = (WHOLE, CONFIG, FORMAT, *(f"{CONFIG}.{name}" for name in _FIELDS))
LIVE: Final = "live_defaults"
TENANT_PATHS: Final = (*PATHS, LIVE, f"{LIVE}.afterwards")
TENANT: Final = ""
"""The subject under which a tenant's own settings are stored."""


class Defaults:
    """Reads and changes defaults, and applies them to jobs."""

    def __init__(self, store: PostgresDefaults, reach: Reach) -> None:
        self._store = store
        self._reach = reach

    async def own(self, principal: Principal) -> StoredDefaults:
        """Read the caller's preferences."""
        return await self._store.get(principal, principal.owner)

    async def update_own(
        self, principal: Principal, version: int | None, mask: Sequence[str], values: JobDefaults
    ) -> StoredDefaults:
        """Change the caller's preferences. Refuses with ETAG_MISMATCH, UPDATE_MASK_INVALID, INVALID_REQUEST."""
        paths = checked(mask, PATHS) or [WHOLE]
        return await self._update(principal, principal.owner, version, paths, values)

    async def of_tenant(self, principal: Principal, tenant: str) -> StoredDefaults:
        """Read a tenant's settings. Refuses with TENANT_NOT_FOUND."""
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        return await self._store.get(within, TENANT)

    async def update_tenant(
        self, principal: Principal, tenant: str, version: int | None, mask: Sequence[str], values: JobDefaults
    ) -> StoredDefaults:
        """Change a tenant's settings. Also refuses with TENANT_NOT_FOUND."""
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        paths = checked(mask, TENANT_PATHS) or [WHOLE, LIVE]
        return await self._update(within, TENANT, version, paths, values)

    async def live_afterwards(self, principal: Principal) -> Afterwards | None:
        """Return the tenant's default for live sessions that have ended, or None if unset."""
        return (await self._store.get(principal, TENANT)).defaults.live_afterwards

    async def fill(self, principal: Principal, asked: JobRequestConfig) -> Filled:
        """Fill in the options that a request leaves unset."""
        user = await self._store.get(principal, principal.owner)
        tenant = await self._store.get(principal, TENANT)
        return fill(asked, user.defaults.config, tenant.defaults.config)

    async def _update(
        self, within: Principal, subject: str, version: int | None, paths: Sequence[str], values: JobDefaults
    ) -> StoredDefaults:
        for name in OWN:
            if getattr(values.config, name) not in (None, ()):
                raise Refused(
                    Reason.INVALID_REQUEST,
                    f"{name} belongs to one recording and has no default",
                    field=f"{CONFIG}.{name}",
                )
        _check_languages(values.config)
        if values.config.diarization.voices:
            raise Refused(
                Reason.INVALID_REQUEST,
                "a default cannot name voices; set identify_voices",
                field=f"{CONFIG}.diarization.voices",
            )
        before = await self._store.get(within, subject)
        merged = merge(before.defaults, values, paths)
        # Without a client's etag, the version read here must still hold, so that no change is lost.
        return await self._store.update(within, subject, before.version if version is None else version, merged)


def _check_languages(config: JobRequestConfig) -> None:
    """Refuse what names no language at all; whether a model knows a language is for each job to see."""
    named = [
        ("language", config.language or AUTO),
        *(("language_candidates", each) for each in config.language_candidates),
    ]
    for field, language in named:
        try:
            read(language)
        except UnknownLanguage:
            message = f"{language} is not a language code. Use for example en, pt-BR or deu"
            raise Refused(Reason.INVALID_REQUEST, message, field=f"{CONFIG}.{field}") from None


def merge(before: JobDefaults, values: JobDefaults, paths: Sequence[str]) -> JobDefaults:
    """Return defaults with the named paths taken from `values`."""
    merged = before
    for path in paths:
        if path in (WHOLE, FORMAT):
            merged = replace(merged, export_format=values.export_format)
        if path.startswith(LIVE):
            merged = replace(merged, live_afterwards=values.live_afterwards)
        if path in (WHOLE, CONFIG):
            merged = replace(merged, config=values.config)
        elif path.startswith(f"{CONFIG}."):
            name = path.removeprefix(f"{CONFIG}.")
            merged = replace(merged, config=replace(merged.config, **{name: getattr(values.config, name)}))
    return merged
