"""`locution tenants issuers`: whose OIDC tokens are taken."""

from __future__ import annotations

import argparse
import json

from locution.v1 import administration_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, naming, show
from locution_client.client import Client


def configure(commands: arguments.Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("issuers", help="list, allow and drop OIDC issuers of a tenant")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    naming.action(actions, "list", _list, "list the issuers")
    add = naming.action(actions, "add", _add, "as an operator: allow an issuer")
    add.add_argument("issuer", metavar="URL", help="the `iss` of its tokens")
    add.add_argument("--audience", required=True, metavar="AUD", help="the `aud` that its tokens must name")
    add.add_argument("--jwks", required=True, metavar="URL", help="where its keys are")
    add.add_argument("--algorithm", default="RS256", metavar="ALG", help="that its tokens are signed with (RS256)")
    add.add_argument("--role", choices=naming.ROLES, default="member", help="role of its callers (member)")
    add.add_argument("--role-claim", default="", metavar="NAME", help="claim that names the role instead")
    drop = naming.action(actions, "delete", _delete, "as an operator: allow an issuer no longer")
    drop.add_argument("name", type=naming.below("issuers"), metavar="ISSUER", help="its name or ID")


async def _list(client: Client, options: argparse.Namespace) -> int:
    found = await client.administration.issuers(await naming.chosen(client, options))
    header = ("NAME", "ISSUER", "AUDIENCE", "ALGORITHM", "ROLE")
    print(show.as_json(found) if options.json else show.table(header, [_row(each) for each in found]))
    return exit_codes.OK


async def _add(client: Client, options: argparse.Namespace) -> int:
    wanted = pb.Issuer(
        issuer=options.issuer,
        audience=options.audience,
        jwks_uri=options.jwks,
        algorithm=options.algorithm,
        role_claim=options.role_claim,
    )
    wanted.default_role = naming.ROLES[options.role]  # type: ignore[assignment]
    made = await client.administration.create_issuer(await naming.chosen(client, options), wanted)
    header = ("name", "issuer", "audience", "algorithm", "role")
    naming.one(made, list(zip(header, _row(made), strict=True)), as_json=options.json)
    return exit_codes.OK


async def _delete(client: Client, options: argparse.Namespace) -> int:
    name = await naming.named(client, options, "issuers", options.name)
    await client.administration.delete_issuer(name)
    print(json.dumps({"name": name}) if options.json else f"{name} is allowed no longer")
    return exit_codes.OK


def _row(issuer: pb.Issuer) -> tuple[str, ...]:
    role = naming.word(naming.ROLES, issuer.default_role)
    shown = f"claim {issuer.role_claim}, else {role}" if issuer.role_claim else role
    return (issuer.name, issuer.issuer, issuer.audience, issuer.algorithm, shown)
