"""The tenant matrix, walked from the descriptors: every RPC with every foreign name, every role, every scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import voice_service_pb2 as voices
from locution_common.interceptors import RemoteFailure, remote_failure
from locution_gateway.identity.policy import POLICIES, Policy
from locution_gateway.platform.principal import Role, Scope

from tests.service.gateway.conftest import Gateway
from tests.service.gateway.identity.rpcs import Rpc, id_fields, rpcs
from tests.service.gateway.identity.world import ROLES, Party, World, new_key

pytestmark = pytest.mark.timeout(300)

ELSEWHERE = {"locution.v1.LiveService", "locution.v1.WebhookService", "locution.v1.TagService"}
"""Services whose own tests walk other tenants' names: the first needs engines."""

ABSENT = {
    "uploads": "uploads/0199aaaa-0000-7000-8000-000000000000",
    "jobs": "jobs/0199aaaa-0000-7000-8000-000000000000",
    "transcript": "jobs/0199aaaa-0000-7000-8000-000000000000/transcript",
    "tenants": "tenants/nobody",
    "settings": "tenants/nobody/settings",
    "quotas": "tenants/nobody/quotas",
    "users": "tenants/acme/users/0199aaaa-0000-7000-8000-000000000000",
    "invitations": "tenants/acme/invitations/0199aaaa-0000-7000-8000-000000000000",
    "issuers": "tenants/acme/issuers/0199aaaa-0000-7000-8000-000000000000",
    "apiKeys": "tenants/acme/apiKeys/aaaaaaaaaaaaaaaa",
    "webhooks": "webhooks/0199aaaa-0000-7000-8000-000000000000",
    "voices": "voices/0199aaaa-0000-7000-8000-000000000000",
}
"""A name of each kind that nobody has, as the caller's own tenant would have it."""


def _filled(**fields: Any) -> Callable[[Any], Any]:
    return lambda request: request.MergeFrom(type(request)(**fields))


BASE: dict[str, Callable[[Any], Any]] = {
    "UpdateJob": _filled(job=jobs.Job(display_name="x"), update_mask=FieldMask(paths=["display_name"])),
    "UpdateTenant": _filled(
        tenant=administration.Tenant(display_name="x"), update_mask=FieldMask(paths=["display_name"])
    ),
    "UpdateUser": _filled(user=administration.User(display_name="x"), update_mask=FieldMask(paths=["display_name"])),
    "ResetPassword": _filled(new_password="a password of some length"),
    "CreateInvitation": _filled(invitation=administration.Invitation(email="x@y.example", role=identity.ROLE_VIEWER)),
    "CreateTenantApiKey": _filled(api_key=identity.ApiKey(role=identity.ROLE_VIEWER)),
    "CreateIssuer": _filled(
        issuer=administration.Issuer(
            issuer="https://other.example",
            audience="x",
            jwks_uri="https://other.example/jwks",
            algorithm="RS256",
            default_role=identity.ROLE_VIEWER,
        )
    ),
    "CreateUploadPartUrls": _filled(part_numbers=[1]),
    "ExportTranscript": _filled(format=1),
    "CreateTenant": _filled(tenant_id="fresh"),
    "CreateVoice": _filled(
        voice=voices.Voice(display_name="x"), job="jobs/0199aaaa-0000-7000-8000-000000000000", speaker="SPEAKER_00"
    ),
    "UpdateVoice": _filled(voice=voices.Voice(display_name="x"), update_mask=FieldMask(paths=["display_name"])),
}
"""What a request needs besides a name, to be valid."""

IGNORED = {("UpdateJob", ("job", "upload"))}
"""Fields that a call does not read: the mask cannot name them."""


def served() -> list[Rpc]:
    """Return the RPCs that the api serves."""
    return [rpc for rpc in rpcs() if rpc.service not in ELSEWHERE]


def named(rpc: Rpc, path: tuple[str, ...], name: str) -> Any:
    """Return a valid request with a name at a path."""
    request = rpc.request()
    if rpc.name in BASE:
        BASE[rpc.name](request)
    place = request
    for step in path[:-1]:
        place = getattr(place, step)
    setattr(place, path[-1], name)
    return request


async def outcome(world: World, rpc: Rpc, token: str | None, request: Message) -> RemoteFailure | None:
    """Return how a call is refused, None when it is not."""
    try:
        await rpc.call(await world.channel(token), request)
    except grpc.aio.AioRpcError as error:
        return remote_failure(error)
    return None


def test_every_rpc_has_a_policy() -> None:
    methods = {rpc.method for rpc in rpcs()}
    assert sorted(methods - POLICIES.keys()) == [], "add these to core/identity/policy.py"
    assert sorted(POLICIES.keys() - methods) == [], "these are no RPCs"


async def test_the_api_serves_what_the_matrix_walks(api: Gateway) -> None:
    names = set(await api.services())
    assert {rpc.service for rpc in served()} == {name for name in names if name.startswith("locution.v1.")} - ELSEWHERE


async def test_names_of_another_tenant_are_as_absent(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    pairs, wrong = 0, []
    for rpc in served():
        for path, kind in id_fields(rpc.descriptor.input_type):
            if (rpc.name, path) in IGNORED:
                continue
            pairs += 1
            wrong += await _foreign(world, rpc, path, kind)
    with capsys.disabled():
        print(f"\ntenant matrix: {pairs} pairs of RPC and name, each foreign and absent")
    assert wrong == []
    assert pairs >= 40


async def _foreign(world: World, rpc: Rpc, path: tuple[str, ...], kind: str) -> list[str]:
    where = f"{rpc.name}.{'.'.join(path)}"
    token = world.mine.keys["ADMIN"]
    foreign = await outcome(world, rpc, token, named(rpc, path, world.theirs.things[kind]))
    absent = await outcome(world, rpc, token, named(rpc, path, ABSENT[kind]))
    if foreign is None or absent is None:
        return [f"{where}: a foreign name was served"]
    if (foreign.code, foreign.reason, foreign.message) != (absent.code, absent.reason, absent.message):
        return [f"{where}: foreign is {foreign}, absent is {absent}"]
    expected = "NOT_FOUND"
    if POLICIES[rpc.method].least is Role.OPERATOR:
        expected = "PERMISSION_DENIED"  # above tenants: a tenant's principal cannot call it at all
    elif rpc.name.startswith("Create") and path[-1:] == ("name",) and len(path) > 1:
        expected = "INVALID_ARGUMENT"  # a name that the server gives
    return [] if foreign.code == expected else [f"{where}: {foreign.code} {foreign.reason}, not {expected}"]


async def test_what_belongs_to_a_tenant_is_reached_by_it(world: World) -> None:
    """The names are good: what is refused above is refused for its tenant, and for nothing else."""
    reads = {
        "GetUpload": "uploads",
        "GetJob": "jobs",
        "GetTranscript": "transcript",
        "ListSegments": "transcript",
        "GetTenant": "tenants",
        "GetTenantSettings": "settings",
        "GetUser": "users",
        "GetQuotas": "quotas",
        "ListTenantApiKeys": "tenants",
        "GetVoice": "voices",
    }
    for rpc in served():
        if rpc.name in reads:
            ((path, _),) = id_fields(rpc.descriptor.input_type)
            request = named(rpc, path, world.theirs.things[reads[rpc.name]])
            assert await outcome(world, rpc, world.theirs.keys["ADMIN"], request) is None, rpc.name


async def test_lists_show_nothing_of_another_tenant(world: World) -> None:
    theirs = set(world.theirs.things.values())
    for rpc in served():
        if not rpc.name.startswith("List") or POLICIES[rpc.method].least is Role.OPERATOR:
            continue
        request = rpc.request()
        for path, kind in id_fields(rpc.descriptor.input_type):
            request = named(rpc, path, world.mine.things[kind])
        answer = await rpc.call(await world.channel(world.mine.keys["ADMIN"]), request)
        shown = str(answer)
        assert not [name for name in theirs if f'"{name}"' in shown], rpc.name


async def test_page_tokens_of_another_tenant_are_refused(world: World) -> None:
    client = await world.client(world.theirs.keys["MEMBER"])
    await client.upload(b"one more")
    for rpc in served():
        if rpc.name != "ListUploads":
            continue
        request = rpc.request()
        request.page_size = 1
        first: Any = await rpc.call(await world.channel(world.theirs.keys["MEMBER"]), request)
        request.page_token = first.next_page_token
        assert request.page_token
        refused = await outcome(world, rpc, world.mine.keys["MEMBER"], request)
        assert refused is not None
        assert refused.reason == "PAGE_TOKEN_INVALID"


async def test_every_rpc_with_every_role(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    pairs, wrong = 0, []
    for rpc in served():
        for role in (None, *ROLES):
            party = Party("none") if role is None else world.mine
            token = None if role is None else party.keys[role]
            refused = await outcome(world, rpc, token, rpc.request())
            pairs += 1
            wrong += _judged(rpc, role, refused)
    with capsys.disabled():
        print(f"\nrole matrix: {pairs} pairs of RPC and role")
    assert wrong == []
    assert pairs == len(served()) * 5


def _judged(rpc: Rpc, role: str | None, refused: RemoteFailure | None) -> list[str]:
    wanted, code = POLICIES[rpc.method], "OK" if refused is None else refused.code
    if role is None:
        good = (code != "UNAUTHENTICATED") if wanted.public else (code == "UNAUTHENTICATED")
    else:
        allowed = wanted.public or Role(role).rank >= wanted.least.rank
        good = code not in ("PERMISSION_DENIED", "UNAUTHENTICATED") if allowed else code == "PERMISSION_DENIED"
    return [] if good else [f"{rpc.name} as {role or 'nobody'}: {code}"]


async def test_every_rpc_with_and_without_its_scope(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    narrow = {scope: (await new_key(world, "acme", "OPERATOR", scopes=[_number(scope)])).secret for scope in Scope}
    pairs, wrong = 0, []
    for rpc in served():
        wanted = POLICIES[rpc.method]
        for scope in Scope:
            refused = await outcome(world, rpc, narrow[scope], rpc.request())
            pairs += 1
            wrong += _scoped(rpc, wanted, scope, refused)
    with capsys.disabled():
        print(f"\nscope matrix: {pairs} pairs of RPC and scope")
    assert wrong == []


def _scoped(rpc: Rpc, wanted: Policy, scope: Scope, refused: RemoteFailure | None) -> list[str]:
    code = "OK" if refused is None else refused.code
    allowed = wanted.public or wanted.scope in (None, scope)
    good = code != "PERMISSION_DENIED" if allowed else code == "PERMISSION_DENIED"
    return [] if good else [f"{rpc.name} with {scope}: {code}"]


def _number(scope: Scope) -> identity.Scope.ValueType:
    return identity.Scope.Value(f"SCOPE_{scope.value}")
