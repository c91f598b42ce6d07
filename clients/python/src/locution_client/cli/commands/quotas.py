"""`locution quotas|usage`: a tenant's quotas and usage."""

from __future__ import annotations

from argparse import ArgumentTypeError

from google.protobuf.message import Message
from locution.v1 import administration_service_pb2 as pb
from locution.v1.identity_pb2 import QuotaLimits

from locution_client.cli import naming, show
from locution_client.cli.app import Commands, verb
from locution_client.cli.arguments import IN_TENANT, JSON, argument
from locution_client.cli.durations import duration
from locution_client.cli.output import UsageError
from locution_client.client import Client

USE = {
    "audio_duration_per_day": "audio_duration_today",
    "audio_duration_per_month": "audio_duration_this_month",
    "calls_per_second": "",
    "calls_per_second_per_principal": "",
}
NAMES = tuple(field.name for field in QuotaLimits.DESCRIPTOR.fields)

app = Commands("Show or set how much a tenant may use.")


@app.verb("get", IN_TENANT, JSON)
async def _get(client: Client, tenant: str | None, json: bool) -> None:
    """Show the quotas and their use."""
    _print(await client.administration.quotas(await naming.chosen(client, tenant)), json=json)


@app.verb(
    "set",
    argument(
        "quotas",
        nargs="+",
        metavar="NAME=VALUE",
        help=f"{', '.join(NAMES)}; audio is a duration, for example 10h; `default` restores the server's default",
    ),
    IN_TENANT,
    JSON,
)
async def _set(client: Client, quotas: list[str], tenant: str | None, json: bool) -> None:
    """Set quotas of a tenant. Operators only."""
    limits, fields = QuotaLimits(), []
    for pair in quotas:
        name, _, value = pair.partition("=")
        _fill(limits, name, value)
        fields.append(f"limits.{name}")
    wanted = pb.Quotas(name=f"{await naming.chosen(client, tenant)}/quotas", limits=limits)
    _print(await client.administration.update_quotas(wanted, fields), json=json)


@verb(
    argument("--from", dest="first", default="", metavar="DATE", help="first day (default: the first of this month)"),
    argument("--to", dest="last", default="", metavar="DATE", help="last day (default: today)"),
    argument("--subject", default="", metavar="S", help="one key or user, as `locution whoami` names it"),
    IN_TENANT,
    JSON,
)
async def usage(client: Client, first: str, last: str, subject: str, tenant: str | None, json: bool) -> None:
    """Show what a tenant used, by day (UTC) and by key or user."""
    used = await client.administration.usage(await naming.chosen(client, tenant), first, last, subject)
    if json:
        show.one(used, (), json=True)
        return
    rows = [*map(_row, used.rows), ("total", "", *_row(used.total)[2:])]
    print(show.table(("DAY", "SUBJECT", "AUDIO", "UPLOADED", "JOBS"), rows))


def _row(row: pb.UsageRow) -> tuple[str, ...]:
    audio = f"{show.seconds(row.audio_duration):.1f} s"
    return (row.date, row.subject, audio, f"{row.uploaded_bytes / 1e6:.1f} MB", str(row.job_count))


def _fill(limits: QuotaLimits, name: str, value: str) -> None:
    if name not in NAMES or not value:
        raise UsageError(f"{name!r} is not a quota. Use NAME=VALUE with one of {', '.join(NAMES)}")
    if value == "default":
        return
    try:
        if name.startswith("audio_"):
            getattr(limits, name).FromTimedelta(duration(QuotaLimits, name)(value))
        else:
            setattr(limits, name, float(value) if name.startswith("calls_") else int(value))
    except (ValueError, ArgumentTypeError) as error:
        raise UsageError(f"{name}: {error}") from None


def _print(quotas: pb.Quotas, *, json: bool) -> None:
    if json:
        show.one(quotas, (), json=True)
        return
    given = {field.name for field, _ in quotas.limits.ListFields()}
    rows = [
        (name, _value(quotas.effective, name), _used(quotas, name), "set" if name in given else "default")
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
