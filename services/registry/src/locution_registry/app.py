"""Assemble the registry: the only module that names concrete adapters."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, suppress

from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import add_RegistryServiceServicer_to_server
from locution_common import postgres, telemetry
from locution_common.errors import Refused
from locution_common.service import Context, Service

from .adapters.folders import LocalFolders, local_folders
from .adapters.postgres_store import PostgresStore
from .core.check_all_files import CheckAllFiles
from .core.check_files import CheckFiles
from .core.disable_model import DisableModel
from .core.enable_model import EnableModel
from .core.get_model import GetModel
from .core.list_models import ListModels
from .core.record_qualification import RecordQualification
from .core.register_model import RegisterModel
from .core.report_serving import ReportServing
from .core.resolve_model import ResolveModel
from .core.set_default_model import SetDefaultModel
from .servicer import RegistryServicer, UseCases
from .settings import RegistrySettings

_log = logging.getLogger(__name__)


async def start(stack: AsyncExitStack, context: Context[RegistrySettings]) -> Service:
    """Open the database and the models root, and return the service."""
    settings = context.settings
    pool = await stack.enter_async_context(
        postgres.open_pool(
            settings.database_url.get_secret_value(),
            application=context.name,
            size=settings.database_pool_size,
            timeout=settings.database_timeout,
        )
    )
    folders = await stack.enter_async_context(local_folders(settings.models_root, settings.digest_threads))
    store = PostgresStore(pool)
    servicer = RegistryServicer(use_cases(store, folders, settings.serving_ttl))
    check = _checker(store, folders)
    return Service(
        servicers=[lambda server: add_RegistryServiceServicer_to_server(servicer, server)],
        names=[pb.DESCRIPTOR.services_by_name["RegistryService"].full_name],
        probes={"postgres": postgres.probe(pool), "models_root": folders.probe},
        tasks={"file check": lambda: keep_checking(check, context.stopping, settings.file_check_interval)},
        translators=[postgres.translate],
    )


def use_cases(store: PostgresStore, folders: LocalFolders, serving_ttl: float) -> UseCases:
    """Return all use cases with these adapters."""
    check = CheckFiles(store, folders)
    return UseCases(
        register=RegisterModel(store, folders),
        get=GetModel(store),
        list=ListModels(store),
        resolve=ResolveModel(store, check),
        set_default=SetDefaultModel(store, check),
        disable=DisableModel(store),
        enable=EnableModel(store, folders),
        record_qualification=RecordQualification(store),
        report_serving=ReportServing(store, serving_ttl),
    )


async def keep_checking(check: CheckAllFiles, stopping: asyncio.Event, interval: float) -> None:
    """Check all files every `interval` seconds until `stopping` is set; log transient faults."""
    while not stopping.is_set():
        with telemetry.suppressed():
            await _check_once(check)
        with suppress(TimeoutError):
            async with asyncio.timeout(interval):
                await stopping.wait()


async def _check_once(check: CheckAllFiles) -> None:
    try:
        await check.run()
    except Exception as error:
        known = error if isinstance(error, Refused) else postgres.translate(error)
        if known is None:
            raise
        _log.warning("the files of models could not be checked", extra={"why": known.message})


def _checker(store: PostgresStore, folders: LocalFolders) -> CheckAllFiles:
    return CheckAllFiles(store, folders, CheckFiles(store, folders), EnableModel(store, folders))
