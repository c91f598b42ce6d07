"""An in-process gateway that stands for the real one in the client's unit tests alone; tests/e2e run the real one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from locution.v1 import job_service_pb2, model_service_pb2, transcript_service_pb2
from locution.v1.job_service_pb2 import Job, JobStateChanged
from locution.v1.job_service_pb2_grpc import JobServiceServicer, add_JobServiceServicer_to_server
from locution.v1.model_service_pb2 import Model
from locution.v1.model_service_pb2_grpc import ModelServiceServicer, add_ModelServiceServicer_to_server
from locution.v1.transcript_service_pb2_grpc import TranscriptServiceServicer, add_TranscriptServiceServicer_to_server
from locution.v1.upload_service_pb2 import Upload
from locution.v1.upload_service_pb2_grpc import UploadServiceServicer, add_UploadServiceServicer_to_server

Context = grpc.aio.ServicerContext[Any, Any]

KEY = "a-key-of-the-tests"


def refusal(code: grpc.StatusCode, reason: str, message: str, **fields: str) -> status_pb2.Status:
    """Make a status as the gateway's error interceptor does."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain="locution")
    violations = [
        error_details_pb2.BadRequest.FieldViolation(field=name, description=text) for name, text in fields.items()
    ]
    details: list[Any] = [info, *([error_details_pb2.BadRequest(field_violations=violations)] if violations else [])]
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return status_pb2.Status(code=code.value[0], message=message, details=packed)


class FakeGateway(UploadServiceServicer, JobServiceServicer, TranscriptServiceServicer, ModelServiceServicer):
    """Keep uploads and jobs in memory; a job succeeds at once unless the test says otherwise."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.uploads: dict[str, Upload] = {}
        self.jobs: dict[str, Job] = {}
        self.models: dict[str, Model] = {}
        self.requests: list[Any] = []
        self.offsets: list[int] = []
        self.paused: list[str] = []
        self.cursors: list[str] = []
        self.break_upload_at: int | None = None
        self.break_watch_after: int | None = None
        self.hold_watch = False
        self.lose_watches = 0
        self.held: set[str] = set()
        self.fail: status_pb2.Status | None = None
        self.failing: dict[str, status_pb2.Status] = {}
        self.refuse: dict[str, status_pb2.Status] = {}

    async def guard(self, method: str, request: Any, context: Context) -> None:
        """Note the request, demand the key, and refuse where the test says so."""
        self.requests.append(request)
        metadata = dict(context.invocation_metadata() or ())
        if metadata.get("authorization") != f"Bearer {KEY}":
            await _abort(context, refusal(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", "the key is not known"))
        if method in self.refuse:
            await _abort(context, self.refuse[method])

    async def CreateUpload(self, request: Any, context: Context) -> Upload:
        await self.guard("CreateUpload", request, context)
        upload = Upload(name=f"uploads/u{len(self.uploads)}", state=Upload.STATE_WRITING)
        upload.MergeFrom(request.upload)
        self.uploads[upload.name], self.content[upload.name] = upload, b""
        return upload

    async def WriteUpload(self, request_iterator: AsyncIterator[Any], context: Context) -> Upload:
        name, finished = "", False
        async for message in request_iterator:
            match message.WhichOneof("message"):
                case "start":
                    name = message.start.name
                    await self.guard("WriteUpload", message.start, context)
                    self.offsets.append(message.start.offset)
                case "data":
                    self.content[name] += message.data
                    self.uploads[name].committed_bytes = len(self.content[name])
                    if self.break_upload_at is not None and len(self.content[name]) >= self.break_upload_at:
                        self.content[name] = self.content[name][: self.break_upload_at]
                        self.uploads[name].committed_bytes = self.break_upload_at
                        self.break_upload_at = None
                        await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")
                case "finish":
                    finished = True
                    assert self.uploads[name].sha256 in ("", message.finish.sha256)
                    self.uploads[name].sha256 = message.finish.sha256
        if finished:
            return await self._complete(self.uploads[name], context)
        self.paused.append(name)
        return self.uploads[name]

    async def _complete(self, upload: Upload, context: Context) -> Upload:
        if hashlib.sha256(self.content[upload.name]).hexdigest() != upload.sha256:
            await _abort(context, refusal(grpc.StatusCode.DATA_LOSS, "UPLOAD_DIGEST_MISMATCH", "other bytes"))
        upload.state = Upload.STATE_READY
        return upload

    async def GetUpload(self, request: Any, context: Context) -> Upload:
        await self.guard("GetUpload", request, context)
        return self.uploads[request.name]

    async def CreateJob(self, request: Any, context: Context) -> Job:
        await self.guard("CreateJob", request, context)
        if request.validate_only:
            if "check" in self.refuse:
                await _abort(context, self.refuse["check"])
            return Job(config=request.job.config)
        job = Job(name=f"jobs/j{len(self.jobs)}", state=Job.STATE_RUNNING)
        job.MergeFrom(request.job)
        self.jobs[job.name] = job
        return job

    async def GetJob(self, request: Any, context: Context) -> Job:
        await self.guard("GetJob", request, context)
        if request.name not in self.jobs:
            await _abort(context, refusal(grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND", "no such job"))
        return self.jobs[request.name]

    async def ListJobs(self, request: Any, context: Context) -> job_service_pb2.ListJobsResponse:
        await self.guard("ListJobs", request, context)
        start = int(request.page_token or 0)
        size = min(2, request.page_size)
        names = sorted(self.jobs, reverse=True)
        more = str(start + size) if start + size < len(names) else ""
        page = [self.jobs[name] for name in names[start : start + size]]
        return job_service_pb2.ListJobsResponse(jobs=page, next_page_token=more)

    async def WatchJob(self, request: Any, context: Context) -> AsyncIterator[job_service_pb2.JobEvent]:
        await self.guard("WatchJob", request, context)
        self.cursors.append(request.after_cursor)
        if self.lose_watches:
            self.lose_watches -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "nobody is there")
        events = self._events()
        for number in range(int(request.after_cursor or 0), len(events)):
            if self.break_watch_after == number:
                self.break_watch_after = None
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke")
            yield events[number]
            if number == 1 and (self.hold_watch or self.jobs[request.name].display_name in self.held):
                await asyncio.Event().wait()
        job = self.jobs[request.name]
        fail = self.failing.get(job.display_name, self.fail)
        job.state = Job.STATE_FAILED if fail else Job.STATE_SUCCEEDED
        if fail:
            job.error.CopyFrom(fail)

    def _events(self) -> list[job_service_pb2.JobEvent]:
        progress = [
            job_service_pb2.StageProgress(
                kind=job_service_pb2.STAGE_KIND_TRANSCRIBE,
                done_duration=Duration(seconds=done),
                total_duration=Duration(seconds=30),
            )
            for done in (10, 20, 30)
        ]
        return [
            job_service_pb2.JobEvent(cursor="1", state_changed=JobStateChanged(state=Job.STATE_RUNNING)),
            *(
                job_service_pb2.JobEvent(cursor=str(number), stage_progress=step)
                for number, step in enumerate(progress, 2)
            ),
            job_service_pb2.JobEvent(cursor="5", state_changed=JobStateChanged(state=Job.STATE_SUCCEEDED)),
        ]

    async def ExportTranscript(
        self, request: Any, context: Context
    ) -> AsyncIterator[transcript_service_pb2.ExportTranscriptResponse]:
        await self.guard("ExportTranscript", request, context)
        format_name = transcript_service_pb2.ExportTranscriptRequest.Format.Name(request.format)
        text = f"{format_name} of {self.jobs[request.name.removesuffix('/transcript')].display_name}"
        for piece in (text[:7], text[7:]):
            yield transcript_service_pb2.ExportTranscriptResponse(data=piece.encode())

    async def RegisterModel(self, request: Any, context: Context) -> Model:
        await self.guard("RegisterModel", request, context)
        if request.name in self.models:
            status = refusal(grpc.StatusCode.ALREADY_EXISTS, "MODEL_ALREADY_REGISTERED", "it is registered")
            await _abort(context, status)
        model = Model(name=request.name, kind=model_service_pb2.MODEL_KIND_ASR, state=Model.STATE_ENABLED)
        model.is_default = request.make_default
        model.capabilities.languages.extend(["en"])
        self.models[request.name] = model
        return model

    async def _model(self, request: Any, context: Context) -> Model:
        await self.guard("GetModel", request, context)
        if request.name not in self.models:
            await _abort(context, refusal(grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND", "no such model"))
        return self.models[request.name]

    async def GetModel(self, request: Any, context: Context) -> Model:
        return await self._model(request, context)

    async def DisableModel(self, request: Any, context: Context) -> Model:
        model = await self._model(request, context)
        model.state, model.state_reason = Model.STATE_DISABLED, request.reason
        return model

    async def EnableModel(self, request: Any, context: Context) -> Model:
        model = await self._model(request, context)
        model.state = Model.STATE_ENABLED
        model.ClearField("state_reason")
        return model

    async def SetDefaultModel(self, request: Any, context: Context) -> Model:
        model = await self._model(request, context)
        for each in self.models.values():
            each.is_default = each is model
        return model

    async def ListModels(self, request: Any, context: Context) -> model_service_pb2.ListModelsResponse:
        await self.guard("ListModels", request, context)
        return model_service_pb2.ListModelsResponse(models=self.models.values())

    async def _unused(self, request: Any, context: Context) -> Any:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the client has no need of this")

    CompleteUpload = ListUploads = DeleteUpload = CreateUploadPartUrls = _unused
    CancelJob = RetryJob = UpdateJob = DeleteJob = BatchDeleteJobs = EstimateJob = _unused
    GetTranscript = ListSegments = _unused


async def serve(gateway: FakeGateway, *more: Callable[[grpc.aio.Server], None]) -> tuple[grpc.aio.Server, str]:
    """Serve on a free port of loopback, with what else adds itself."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    for add in more:
        add(server)
    add_UploadServiceServicer_to_server(gateway, server)
    add_JobServiceServicer_to_server(gateway, server)
    add_TranscriptServiceServicer_to_server(gateway, server)
    add_ModelServiceServicer_to_server(gateway, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, f"127.0.0.1:{port}"


async def _abort(context: Context, status: status_pb2.Status) -> None:
    await context.abort_with_status(rpc_status.to_status(status))
