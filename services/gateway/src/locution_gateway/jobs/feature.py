"""Open jobs and their tags."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from locution.v1.job_service_pb2_grpc import add_JobServiceServicer_to_server
from locution.v1.tag_service_pb2_grpc import add_TagServiceServicer_to_server
from locution_common import postgres, telemetry

from locution_gateway.jobs.cancel import CancelJob
from locution_gateway.jobs.configure import Configure
from locution_gateway.jobs.create import CreateJob
from locution_gateway.jobs.defaults import Defaults
from locution_gateway.jobs.delete import DeleteJobs
from locution_gateway.jobs.estimate import EstimateJob
from locution_gateway.jobs.ports import VoiceChooser
from locution_gateway.jobs.postgres.defaults import PostgresDefaults
from locution_gateway.jobs.postgres.events import CHANNEL, PostgresEvents
from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.jobs.postgres.state_machine import JobStateMachine
from locution_gateway.jobs.postgres.upload_jobs import PostgresUploadJobs
from locution_gateway.jobs.postgres.wakeups import PostgresWakeups
from locution_gateway.jobs.read import ReadJobs
from locution_gateway.jobs.retry import RetryJob
from locution_gateway.jobs.servicer import Jobs
from locution_gateway.jobs.settings import JobSettings
from locution_gateway.jobs.tags.manage import ManageTags
from locution_gateway.jobs.tags.postgres import PostgresTags
from locution_gateway.jobs.tags.servicer import Tags
from locution_gateway.jobs.update import UpdateJob
from locution_gateway.jobs.watch import WatchJob
from locution_gateway.models.registry import RegistryModels
from locution_gateway.platform.assembly import Assembly
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.reach import Reach
from locution_gateway.platform.settings import GatewaySettings
from locution_gateway.platform.tenants import TenantNames
from locution_gateway.quotas.postgres.guard import QuotaGuard
from locution_gateway.quotas.postgres.quotas import PostgresQuotas
from locution_gateway.uploads.ports import UploadJobs


async def open_api(assembly: Assembly[Any]) -> None:
    """Serve JobService and TagService."""
    database, clock = assembly.need(TenantDatabase), assembly.clock
    machine = JobStateMachine(timedelta(seconds=assembly.settings(JobSettings).job_retention_seconds))
    store = assembly.provide(PostgresJobs(database, machine, assembly.need(QuotaGuard)))
    assembly.provide(PostgresUploadJobs(machine), UploadJobs)
    defaults = assembly.provide(Defaults(PostgresDefaults(database), Reach(TenantNames(database))))
    configure = Configure(assembly.need(RegistryModels))
    create = CreateJob(store, configure, clock, telemetry.capture, defaults, assembly.need(VoiceChooser))
    jobs = Jobs(
        create=assembly.provide(create),
        read=ReadJobs(store),
        watch=WatchJob(PostgresEvents(database), await _wakeups(assembly), assembly.context.stopping),
        cancel=CancelJob(store),
        retry=RetryJob(store, telemetry.capture),
        update=UpdateJob(store),
        delete=DeleteJobs(store),
        estimate=EstimateJob(store, configure, clock, assembly.need(PostgresQuotas)),
    )
    assembly.serve("locution.v1.JobService", add_JobServiceServicer_to_server, jobs)
    assembly.serve("locution.v1.TagService", add_TagServiceServicer_to_server, Tags(ManageTags(PostgresTags(database))))


async def _wakeups(assembly: Assembly[Any]) -> PostgresWakeups:
    url = assembly.settings(GatewaySettings).database_url.get_secret_value()
    return PostgresWakeups(await assembly.enter(postgres.listening(url, [CHANNEL], application=assembly.context.name)))
