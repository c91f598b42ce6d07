"""Open the administration of tenants."""

from __future__ import annotations

from typing import Any

from locution.v1.administration_service_pb2_grpc import add_AdministrationServiceServicer_to_server

from locution_gateway.administration.invitations import ManageInvitations
from locution_gateway.administration.issuers import ManageIssuers
from locution_gateway.administration.servicer import Administration
from locution_gateway.administration.tenants import ManageTenants
from locution_gateway.administration.users import ManageUsers
from locution_gateway.identity.api_keys import ApiKeys
from locution_gateway.identity.credentials.passwords import ArgonPasswords
from locution_gateway.identity.postgres.invitations import PostgresInvitations
from locution_gateway.identity.postgres.issuers import PostgresIssuers
from locution_gateway.identity.postgres.sessions import PostgresSessions
from locution_gateway.identity.postgres.tenants import PostgresTenants
from locution_gateway.identity.postgres.users import PostgresUsers
from locution_gateway.jobs.defaults import Defaults
from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.reach import Reach
from locution_gateway.quotas.manage import ManageQuotas, ReadUsage
from locution_gateway.quotas.postgres.quotas import PostgresQuotas


async def open_api(assembly: Assembly[Any]) -> None:
    """Serve AdministrationService."""
    database, clock, need = assembly.need(TenantDatabase), assembly.clock, assembly.need
    tenants, quotas = need(PostgresTenants), need(PostgresQuotas)
    reach = Reach(tenants)
    administration = Administration(
        tenants=ManageTenants(tenants, reach, clock),
        users=ManageUsers(need(PostgresUsers), need(PostgresSessions), need(ArgonPasswords), reach),
        invitations=ManageInvitations(PostgresInvitations(database), reach, clock),
        keys=need(ApiKeys),
        issuers=ManageIssuers(PostgresIssuers(database), reach),
        quotas=ManageQuotas(quotas, reach),
        usage=ReadUsage(quotas, reach),
        defaults=need(Defaults),
    )
    assembly.serve("locution.v1.AdministrationService", add_AdministrationServiceServicer_to_server, administration)
