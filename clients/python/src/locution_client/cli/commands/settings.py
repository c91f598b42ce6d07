"""`locution settings`: what jobs do where they say nothing; the caller's preferences, or with --tenant a tenant's."""

from __future__ import annotations

import argparse
import json
from typing import TypeAlias

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1.identity_pb2 import JobDefaults
from locution.v1.job_config_pb2 import JobConfig
from locution.v1.live_service_pb2 import LiveConfig

from locution_client.cli import arguments, exit_codes, naming
from locution_client.cli.output import UsageError
from locution_client.client import Client

LIVE = "live_afterwards"
"""Of a tenant alone: what becomes of a live session once it has ended."""

AFTERWARDS = naming.words(LiveConfig.Afterwards.items(), "AFTERWARDS_")

Stored: TypeAlias = "accounts.Preferences | administration.TenantSettings"

OF_ONE_RECORDING = ("audio_format", "prompt", "hotwords")
NAMES = (
    "export_format",
    *(field.name for field in JobConfig.DESCRIPTOR.fields if field.name not in OF_ONE_RECORDING),
)


def configure(commands: arguments.Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("settings", help="show or set what jobs do where they say nothing")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    reading = actions.add_parser("get", help="show them")
    setting = actions.add_parser("set", help="set some of them")
    known = f"of {', '.join(NAMES)}; with --tenant also {LIVE}"
    setting.add_argument("values", nargs="+", metavar="NAME=VALUE", help=f"{known}; words or JSON")
    unset = actions.add_parser("unset", help="leave some of them to the tenant or the server")
    unset.add_argument("names", nargs="+", choices=(*NAMES, LIVE), metavar="NAME", help=known)
    for action, run in ((reading, _get), (setting, _set), (unset, _unset)):
        naming.add_tenant(action, "as an administrator: of this tenant, not your own")
        arguments.add_json(action)
        action.set_defaults(run=run)


async def _get(client: Client, options: argparse.Namespace) -> int:
    tenant = options.tenant
    calls = client.accounts.preferences() if tenant is None else client.administration.settings(tenant)
    return _print(await calls, options)


async def _set(client: Client, options: argparse.Namespace) -> int:
    values = dict(_pair(text) for text in options.values)
    live = administration.LiveDefaults(afterwards=values.get(LIVE))  # type: ignore[arg-type]
    jobs = {name: value for name, value in values.items() if name != LIVE}
    return await _update(client, options, _defaults(jobs), list(values), live)


async def _unset(client: Client, options: argparse.Namespace) -> int:
    return await _update(client, options, JobDefaults(), options.names, administration.LiveDefaults())


async def _update(
    client: Client,
    options: argparse.Namespace,
    wanted: JobDefaults,
    names: list[str],
    live: administration.LiveDefaults,
) -> int:
    fields = [_path(name) for name in names]
    if options.tenant is None:
        if LIVE in names:
            raise UsageError(f"{LIVE} is a tenant's: give --tenant")
        own = accounts.Preferences(job_defaults=wanted)
        return _print(await client.accounts.update_preferences(own, fields), options)
    settings = administration.TenantSettings(name=f"{options.tenant}/settings", job_defaults=wanted, live_defaults=live)
    return _print(await client.administration.update_settings(settings, fields), options)


def _pair(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    if name not in (*NAMES, LIVE) or not value:
        raise UsageError(f"{name!r} is no setting; give NAME=VALUE, NAME of {', '.join(NAMES)}")
    return name, _value(name, value)


def _value(name: str, value: str) -> object:
    """Read a value: an enum's word, on or off for diarization, a span of time, a list, else JSON or plain text."""
    if name == "diarization" and value in ("on", "off"):
        return {"enabled": value == "on"}
    if name == "retention":
        return f"{naming.period(value).total_seconds():.0f}s"
    if name == LIVE:
        if value not in AFTERWARDS:
            raise UsageError(f"{value!r} is none of {', '.join(AFTERWARDS)}")
        return AFTERWARDS[value]
    if name == "language_candidates":
        return value.split(",")
    field = (JobDefaults if name == "export_format" else JobConfig).DESCRIPTOR.fields_by_name[name]
    if field.enum_type is not None:
        first: str = field.enum_type.values[0].name
        return first.removesuffix("UNSPECIFIED") + value.upper()
    try:
        return json.loads(value)
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


def _print(stored: Stored, options: argparse.Namespace) -> int:
    shown = [(name, _shown(stored.job_defaults, name)) for name in NAMES]
    if isinstance(stored, administration.TenantSettings):
        shown.append((LIVE, naming.word(AFTERWARDS, stored.live_defaults.afterwards)))
    naming.one(stored, [*shown, ("changed", naming.when(stored, "update_time"))], as_json=options.json)
    return exit_codes.OK


def _shown(defaults: JobDefaults, name: str) -> str:
    message = defaults if name == "export_format" else defaults.config
    value = MessageToDict(message, preserving_proto_field_name=True).get(name, "-")
    return value if isinstance(value, str) else json.dumps(value)
