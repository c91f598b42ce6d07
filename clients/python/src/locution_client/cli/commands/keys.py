"""`locution keys`: the caller's own API keys, and with --tenant those of a tenant's programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from locution.v1.account_service_pb2 import RotateApiKeyRequest
from locution.v1.identity_pb2 import ApiKey, IssuedApiKey

from locution_client.cli import durations, naming, show
from locution_client.cli.app import Commands
from locution_client.cli.arguments import FOR_TENANT, JSON, LABEL, of_tenant, words
from locution_client.client import Client

STATES = naming.words(ApiKey.State.items(), "STATE_")
HEADER = ("key", "state", "role", "last use", "expires", "owner", "parent", "label")

KEY = of_tenant("apiKeys", "KEY")

app = Commands("Create, list, rotate and revoke API keys.")


@app.verb("list", FOR_TENANT, JSON)
async def _list(client: Client, tenant: str | None, json: bool) -> None:
    """List keys, newest first."""
    keys = await (client.administration.keys(tenant) if tenant else client.accounts.keys())
    show.listing(keys, [name.upper() for name in HEADER], _row, json=json)


@app.verb(
    "create",
    LABEL,
    words("--role", naming.ROLES, "role of the key (default: your own role; with --tenant, member)"),
    words("--scope", naming.SCOPES, "scope of the key; repeatable (default: all scopes)", action="append", default=[]),
    durations.option("--expires", "lifetime, for example 90d (default: unlimited)"),
    FOR_TENANT,
    JSON,
)
async def _create(
    client: Client,
    label: str | None,
    role: int | None,
    scope: list[int],
    expires: timedelta | None,
    tenant: str | None,
    json: bool,
) -> None:
    """Create a key. Prints the secret; it is never shown again."""
    wanted = ApiKey(display_name=label or "")
    wanted.scopes.extend(scope)  # type: ignore[arg-type]
    if role or tenant:
        wanted.role = role or naming.ROLES["member"]  # type: ignore[assignment]
    if expires is not None:
        wanted.expire_time.FromDatetime(datetime.now(UTC) + expires)
    accounts, administration = client.accounts, client.administration
    _issued(await (administration.create_key(tenant, wanted) if tenant else accounts.create_key(wanted)), json=json)


@app.verb(
    "rotate",
    KEY,
    durations.option(
        "--overlap", "time for which the old key stays valid (default: 1d)", RotateApiKeyRequest, "overlap"
    ),
    FOR_TENANT,
    JSON,
)
async def _rotate(client: Client, key: str, overlap: timedelta | None, tenant: str | None, json: bool) -> None:
    """Replace a key. Prints the new secret; it is never shown again."""
    calls = client.administration if tenant else client.accounts
    name = await naming.named(client, tenant, "apiKeys", key)
    _issued(await calls.rotate_key(name, overlap=overlap), json=json)


@app.verb("revoke", KEY, FOR_TENANT, JSON)
async def _revoke(client: Client, key: str, tenant: str | None, json: bool) -> None:
    """Revoke a key."""
    calls = client.administration if tenant else client.accounts
    revoked = await calls.revoke_key(await naming.named(client, tenant, "apiKeys", key))
    show.one(revoked, _lines(revoked), json=json)


def _issued(issued: IssuedApiKey, *, json: bool) -> None:
    show.one(issued, [*_lines(issued.api_key), ("secret", issued.secret)], json=json)


def _lines(key: ApiKey) -> list[tuple[str, str]]:
    scopes = ", ".join(naming.word(naming.SCOPES, scope) for scope in key.scopes) or "all that the role allows"
    return [*zip(HEADER, _row(key), strict=True), ("scopes", scopes)]


def _row(key: ApiKey) -> tuple[str, ...]:
    return (
        key.name,
        naming.word(STATES, key.state),
        naming.word(naming.ROLES, key.role),
        show.when(key, "last_use_time"),
        show.when(key, "expire_time"),
        key.user.rpartition("/")[2] or "a program",
        key.parent.rpartition("/")[2] or "-",
        key.display_name,
    )
