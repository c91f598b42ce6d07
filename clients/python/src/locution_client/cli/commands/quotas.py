"""`locution quotas`: how much a tenant may use, and how much of it is used."""

from __future__ import annotations

import argparse

from google.protobuf.message import Message
from locution.v1 import administration_service_pb2 as pb
from locution.v1.identity_pb2 import QuotaLimits

from locution_client.cli import arguments, exit_codes, naming, show
from locution_client.cli.output import UsageError
from locution_client.client import Client

USE = {
    "audio_duration_per_day": "audio_duration_today",
    "audio_duration_per_month": "audio_duration_this_month",
    "calls_per_second": "",
    "calls_per_second_per_principal": "",
}
NAMES = tuple(field.name for field in QuotaLimits.DESCRIPTOR.fields)


def configure(commands: arguments.Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("quotas", help="show or set how much a tenant may use")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    reading = actions.add_parser("get", help="show the quotas and what is used")
    setting = actions.add_parser("set", help="as an operator: set quotas of a tenant")
    text = f"of {', '.join(NAMES)}; audio as 90s, 15m or 10h; `default` goes back to the server's"
    setting.add_argument("quotas", nargs="+", metavar="NAME=VALUE", help=text)
    for action, run in ((reading, _get), (setting, _set)):
        naming.add_tenant(action)
        arguments.add_json(action)
        action.set_defaults(run=run)


async def _get(client: Client, options: argparse.Namespace) -> int:
    _print(await client.administration.quotas(await naming.chosen(client, options)), as_json=options.json)
    return exit_codes.OK


async def _set(client: Client, options: argparse.Namespace) -> int:
    limits, fields = QuotaLimits(), []
    for pair in options.quotas:
        name, _, value = pair.partition("=")
        _fill(limits, name, value)
        fields.append(f"limits.{name}")
    wanted = pb.Quotas(name=f"{await naming.chosen(client, options)}/quotas", limits=limits)
    _print(await client.administration.update_quotas(wanted, fields), as_json=options.json)
    return exit_codes.OK


def _fill(limits: QuotaLimits, name: str, value: str) -> None:
    if name not in NAMES or not value:
        raise UsageError(f"{name!r} is no quota; give NAME=VALUE, NAME of {', '.join(NAMES)}")
    if value == "default":
        return
    try:
        if name.startswith("audio_"):
            getattr(limits, name).FromTimedelta(arguments.span(value))
        else:
            setattr(limits, name, float(value) if name.startswith("calls_") else int(value))
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise UsageError(f"{name}: {error}") from None


def _print(quotas: pb.Quotas, *, as_json: bool) -> None:
    if as_json:
        naming.one(quotas, (), as_json=True)
        return
    given = {field.name for field, _ in quotas.limits.ListFields()}
    rows = [
        (
            name,
            _value(quotas.effective, name),
            _used(quotas, name),
            "set" if name in given else "default",
        )
        for name in NAMES
    ]
    print(show.table(("QUOTA", "LIMIT", "USED", "FROM"), rows))


def _used(quotas: pb.Quotas, name: str) -> str:
    field = USE.get(name, name)
    return _value(quotas.use, field, always=True) if field else "-"


def _value(message: Message, name: str, *, always: bool = False) -> str:
    if not (always or message.HasField(name)):
        return "none"
    value = getattr(message, name)
    if name.startswith("audio_"):
        return f"{show.seconds(value):.1f} s"
    return f"{value:g}" if isinstance(value, float) else str(value)
