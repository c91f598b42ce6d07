"""`locution tenants`: create and change tenants, and the OIDC issuers whose tokens they accept."""

from __future__ import annotations

from locution.v1 import administration_service_pb2 as pb

from locution_client.cli import arguments, naming, show
from locution_client.cli.app import Commands
from locution_client.cli.arguments import IN_TENANT, JSON, LABEL, TENANT, argument, either, number, of_tenant, words
from locution_client.cli.output import UsageError
from locution_client.client import Client

STATES = naming.words(pb.Tenant.State.items(), "STATE_")
HEADER = ("tenant", "state", "share", "created", "label")
ISSUER = ("name", "issuer", "audience", "algorithm", "role")

SHARE = argument(
    "--share", type=number(1, 1000), metavar="N", help="share of the engines against other tenants, 1 to 1000"
)

issuers = Commands("List, add and delete the OIDC issuers of a tenant.")
app = Commands("Create and change tenants, and their OIDC issuers.", issuers=issuers)


@app.verb("list", JSON)
async def _list(client: Client, json: bool) -> None:
    """List the tenants."""
    show.listing(await client.administration.tenants(), [name.upper() for name in HEADER], _row, json=json)


@app.verb("get", TENANT, JSON)
async def _get(client: Client, tenant: str, json: bool) -> None:
    """Show a tenant."""
    _print(await client.administration.tenant(tenant), json=json)


@app.verb("create", TENANT, LABEL, SHARE, JSON)
async def _create(client: Client, tenant: str, label: str | None, share: int | None, json: bool) -> None:
    """Create a tenant."""
    wanted = pb.Tenant(display_name=label or "", share=share or 0)
    _print(await client.administration.create_tenant(tenant.removeprefix("tenants/"), wanted), json=json)


@app.verb("set", TENANT, LABEL, SHARE, either("accept its credentials", "refuse its credentials"), JSON)
async def _set(
    client: Client, tenant: str, label: str | None, share: int | None, enable: bool | None, json: bool
) -> None:
    """Change a tenant."""
    wanted = {"display_name": label, "share": share, "state": arguments.state(STATES, enable)}
    fields = {name: value for name, value in wanted.items() if value is not None}
    if not fields:
        raise UsageError("nothing to change. Use --label, --share, --enable or --disable")
    changed = pb.Tenant(name=tenant, **fields)  # type: ignore[arg-type]
    _print(await client.administration.update_tenant(changed, fields), json=json)


@issuers.verb("list", IN_TENANT, JSON)
async def _list_issuers(client: Client, tenant: str | None, json: bool) -> None:
    """List the issuers."""
    found = await client.administration.issuers(await naming.chosen(client, tenant))
    show.listing(found, [name.upper() for name in ISSUER], _issuer, json=json)


@issuers.verb(
    "add",
    argument("issuer", metavar="URL", help="`iss` of the tokens"),
    argument("--audience", required=True, metavar="AUD", help="`aud` that the tokens must contain"),
    argument("--jwks", required=True, metavar="URL", help="address of the public keys"),
    argument("--algorithm", default="RS256", metavar="ALG", help="signature algorithm of the tokens (default: RS256)"),
    words("--role", naming.ROLES, "role of the callers (default: member)", default="member"),
    argument("--role-claim", default="", metavar="NAME", help="claim that holds the role of the caller"),
    IN_TENANT,
    JSON,
)
async def _add_issuer(
    client: Client,
    issuer: str,
    audience: str,
    jwks: str,
    algorithm: str,
    role: int,
    role_claim: str,
    tenant: str | None,
    json: bool,
) -> None:
    """Accept the tokens of an OIDC issuer. Operators only."""
    wanted = pb.Issuer(issuer=issuer, audience=audience, jwks_uri=jwks, algorithm=algorithm, role_claim=role_claim)
    wanted.default_role = role  # type: ignore[assignment]
    made = await client.administration.create_issuer(await naming.chosen(client, tenant), wanted)
    show.one(made, list(zip(ISSUER, _issuer(made), strict=True)), json=json)


@issuers.verb("delete", of_tenant("issuers", "ISSUER"), IN_TENANT, JSON)
async def _delete_issuer(client: Client, issuer: str, tenant: str | None, json: bool) -> None:
    """Stop accepting the tokens of an issuer. Operators only."""
    name = await naming.named(client, tenant, "issuers", issuer)
    await client.administration.delete_issuer(name)
    show.named(name, "is deleted; its tokens are no longer accepted", json=json)


def _print(tenant: pb.Tenant, *, json: bool) -> None:
    show.one(tenant, list(zip(HEADER, _row(tenant), strict=True)), json=json)


def _row(tenant: pb.Tenant) -> tuple[str, ...]:
    state, made = naming.word(STATES, tenant.state), show.when(tenant, "create_time")
    return (tenant.name, state, str(tenant.share), made, tenant.display_name)


def _issuer(issuer: pb.Issuer) -> tuple[str, ...]:
    role = naming.word(naming.ROLES, issuer.default_role)
    shown = f"claim {issuer.role_claim}, else {role}" if issuer.role_claim else role
    return (issuer.name, issuer.issuer, issuer.audience, issuer.algorithm, shown)
