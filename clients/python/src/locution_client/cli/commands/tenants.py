"""`locution tenants`: make and change tenants, and say which OIDC issuers speak for their callers."""

from __future__ import annotations

import argparse

from locution.v1 import administration_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, naming, show
from locution_client.cli.commands import issuers
from locution_client.cli.output import UsageError
from locution_client.client import Client

STATES = naming.words(pb.Tenant.State.items(), "STATE_")


def configure(commands: arguments.Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("tenants", help="make and change tenants, and their OIDC issuers")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list the tenants")
    arguments.add_json(listing)
    listing.set_defaults(run=_list)
    _on_one(actions, "get", _get, "show a tenant")
    for name, run, text in (("create", _create, "make a tenant"), ("set", _set, "change a tenant")):
        action = _on_one(actions, name, run, text)
        action.add_argument("--label", metavar="TEXT", help="label for people")
        action.add_argument(
            "--weight", type=_weight, metavar="N", help="share of the engines against others, 1 to 1000"
        )
    switch = action.add_mutually_exclusive_group()
    switch.add_argument("--enable", dest="state", action="store_const", const="active", help="take its credentials")
    switch.add_argument("--disable", dest="state", action="store_const", const="disabled", help="take none of them")
    issuers.configure(actions)


def _on_one(actions: arguments.Commands, name: str, run: object, text: str) -> argparse.ArgumentParser:
    action = arguments.action(actions, name, run, text)
    action.add_argument("tenant", type=naming.tenant, metavar="TENANT", help="its name")
    return action


def _weight(text: str) -> int:
    """Accept a share of the engines."""
    weight = int(text)
    if not 1 <= weight <= 1000:
        raise argparse.ArgumentTypeError(f"{weight} is not from 1 to 1000")
    return weight


async def _list(client: Client, options: argparse.Namespace) -> int:
    tenants = await client.administration.tenants()
    header = ("TENANT", "STATE", "WEIGHT", "CREATED", "LABEL")
    print(show.as_json(tenants) if options.json else show.table(header, [_row(tenant) for tenant in tenants]))
    return exit_codes.OK


async def _get(client: Client, options: argparse.Namespace) -> int:
    return _print(await client.administration.tenant(options.tenant), options)


async def _create(client: Client, options: argparse.Namespace) -> int:
    wanted = pb.Tenant(display_name=options.label or "", weight=options.weight or 0)
    name = options.tenant.removeprefix("tenants/")
    return _print(await client.administration.create_tenant(name, wanted), options)


async def _set(client: Client, options: argparse.Namespace) -> int:
    wanted = {"display_name": options.label, "weight": options.weight, "state": STATES.get(options.state or "")}
    fields = {name: value for name, value in wanted.items() if value is not None}
    if not fields:
        raise UsageError("nothing to change: give --label, --weight, --enable or --disable")
    return _print(await client.administration.update_tenant(pb.Tenant(name=options.tenant, **fields), fields), options)


def _print(tenant: pb.Tenant, options: argparse.Namespace) -> int:
    header = ("tenant", "state", "weight", "created", "label")
    naming.one(tenant, list(zip(header, _row(tenant), strict=True)), as_json=options.json)
    return exit_codes.OK


def _row(tenant: pb.Tenant) -> tuple[str, ...]:
    state, made = naming.word(STATES, tenant.state), naming.when(tenant, "create_time")
    return (tenant.name, state, str(tenant.weight), made, tenant.display_name)
