"""`locution settings`: the defaults for new jobs, of the caller or with --tenant of a tenant."""

from __future__ import annotations

from json import dumps, loads
from typing import TypeAlias

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1.identity_pb2 import JobDefaults
from locution.v1.job_config_pb2 import JobConfig
from locution.v1.live_service_pb2 import LiveConfig

from locution_client.cli import naming, show
from locution_client.cli.app import Commands
from locution_client.cli.arguments import FOR_TENANT, JSON, argument, one_of
from locution_client.cli.durations import duration
from locution_client.cli.output import UsageError
from locution_client.client import Client

LIVE = "live_afterwards"
"""A setting of tenants only: what happens to the audio of a live session after its end."""

AFTERWARDS = naming.words(LiveConfig.Afterwards.items(), "AFTERWARDS_")

Stored: TypeAlias = "accounts.Preferences | administration.TenantSettings"

OF_ONE_RECORDING = ("audio_format", "prompt", "hotwords", "track")
NAMES = ("export_format", *(field.name for field in JobConfig.DESCRIPTOR.fields if field.name not in OF_ONE_RECORDING))


KNOWN = f"{', '.join(NAMES)}; with --tenant also {LIVE}"

app = Commands("Show or set the defaults for new jobs.")


@app.verb("get", FOR_TENANT, JSON)
async def _get(client: Client, tenant: str | None, json: bool) -> None:
    """Show your defaults, or those of a tenant."""
    if tenant is None:
        _print(await client.accounts.preferences(), json=json)
    else:
        _print(await client.administration.settings(tenant), json=json)


@app.verb(
    "set",
    argument("values", nargs="+", metavar="NAME=VALUE", help=f"{KNOWN}; values are words, durations or JSON"),
    FOR_TENANT,
    JSON,
)
async def _set(client: Client, values: list[str], tenant: str | None, json: bool) -> None:
    """Set defaults."""
    given = dict(_pair(text) for text in values)
    live = administration.LiveDefaults(afterwards=given.get(LIVE))  # type: ignore[arg-type]
    jobs = _defaults({name: value for name, value in given.items() if name != LIVE})
    _print(await _update(client, tenant, list(given), jobs, live), json=json)


@app.verb("unset", argument("names", nargs="+", choices=(*NAMES, LIVE), metavar="NAME", help=KNOWN), FOR_TENANT, JSON)
async def _unset(client: Client, names: list[str], tenant: str | None, json: bool) -> None:
    """Clear defaults, so that those of the tenant or of the server apply."""
    _print(await _update(client, tenant, names, JobDefaults(), administration.LiveDefaults()), json=json)


async def _update(
    client: Client, tenant: str | None, names: list[str], jobs: JobDefaults, live: administration.LiveDefaults
) -> Stored:
    fields = [_path(name) for name in names]
    if tenant is not None:
        wanted = administration.TenantSettings(name=f"{tenant}/settings", job_defaults=jobs, live_defaults=live)
        return await client.administration.update_settings(wanted, fields)
    if LIVE in names:
        raise UsageError(f"{LIVE} belongs to a tenant. Use --tenant")
    return await client.accounts.update_preferences(accounts.Preferences(job_defaults=jobs), fields)


def _pair(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    if name not in (*NAMES, LIVE) or not value:
        raise UsageError(f"{name!r} is not a setting. Use NAME=VALUE with one of {', '.join(NAMES)}")
    return name, _value(name, value)


def _value(name: str, value: str) -> object:
    """Read a value: on or off for diarization, a duration, a list, the word of an enum, else JSON or plain text."""
    if name == "diarization" and value in ("on", "off"):
        return {"enabled": value == "on"}
    if name == "retention":
        return f"{duration(JobConfig, name)(value).total_seconds():.0f}s"
    if name == LIVE:
        return one_of(AFTERWARDS)(value)
    if name == "language_candidates":
        return value.split(",")
    field = (JobDefaults if name == "export_format" else JobConfig).DESCRIPTOR.fields_by_name[name]
    if field.enum_type is not None:
        first: str = field.enum_type.values[0].name
        return first.removesuffix("UNSPECIFIED") + value.upper()
    try:
        return loads(value)
    except ValueError:
        return value


def _defaults(values: dict[str, object]) -> JobDefaults:
    given: dict[str, object] = {"config": {name: value for name, value in values.items() if name != "export_format"}}
    if "export_format" in values:
        given["export_format"] = values["export_format"]
    try:
        return ParseDict(given, JobDefaults())
    except ParseError as error:
        raise UsageError(str(error)) from None


def _path(name: str) -> str:
    if name == LIVE:
        return "live_defaults.afterwards"
    return f"job_defaults.{name}" if name == "export_format" else f"job_defaults.config.{name}"


def _print(stored: Stored, *, json: bool) -> None:
    shown = [(name, _shown(stored.job_defaults, name)) for name in NAMES]
    if isinstance(stored, administration.TenantSettings):
        shown.append((LIVE, naming.word(AFTERWARDS, stored.live_defaults.afterwards)))
    show.one(stored, [*shown, ("changed", show.when(stored, "update_time"))], json=json)


def _shown(defaults: JobDefaults, name: str) -> str:
    message = defaults if name == "export_format" else defaults.config
    value = MessageToDict(message, preserving_proto_field_name=True).get(name, "-")
    return value if isinstance(value, str) else dumps(value)
