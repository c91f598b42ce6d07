"""The fake gateway with the rest of what the command line calls: changes of jobs, tags, webhooks, uploads in parts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from locution.v1 import job_service_pb2, tag_service_pb2, upload_service_pb2, webhook_service_pb2
from locution.v1.job_service_pb2 import Job
from locution.v1.job_service_pb2_grpc import add_JobServiceServicer_to_server
from locution.v1.tag_service_pb2_grpc import TagServiceServicer, add_TagServiceServicer_to_server
from locution.v1.upload_service_pb2 import Upload
from locution.v1.upload_service_pb2_grpc import add_UploadServiceServicer_to_server
from locution.v1.webhook_service_pb2 import Webhook, WebhookDelivery
from locution.v1.webhook_service_pb2_grpc import WebhookServiceServicer, add_WebhookServiceServicer_to_server

from tests.unit.client.fake_gateway import Context, FakeGateway, _abort, refusal

PART = 1000


class FakeStore(ThreadingHTTPServer):
    """Takes PUTs of parts, and refuses as often as the test says."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Put)
        self.parts: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.fail: list[int] = []


class _Put(BaseHTTPRequestHandler):
    server: FakeStore

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.fail.pop(0) if self.server.fail else 200
        self.server.puts.append(self.path)
        self.send_response(status)
        if status == 200:
            self.server.parts[self.path] = data
            self.send_header("ETag", f'"{hashlib.md5(data).hexdigest()}"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class FullGateway(FakeGateway, TagServiceServicer, WebhookServiceServicer):
    """Everything in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.store: FakeStore | None = None
        self.meanwhile: Callable[[Job], None] | None = None
        self.webhooks: dict[str, Webhook] = {}

    async def _job(self, name: str, context: Context) -> Job:
        if name not in self.jobs:
            await _abort(context, refusal(grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND", "no such job"))
        return self.jobs[name]

    async def CancelJob(self, request: Any, context: Context) -> Job:
        await self.guard("CancelJob", request, context)
        job = await self._job(request.name, context)
        job.state = Job.STATE_CANCELLED
        return job

    async def RetryJob(self, request: Any, context: Context) -> Job:
        await self.guard("RetryJob", request, context)
        old = await self._job(request.name, context)
        job = Job(name=f"jobs/j{len(self.jobs)}", state=Job.STATE_QUEUED, retry_of=old.name)
        self.jobs[job.name] = job
        return job

    async def UpdateJob(self, request: Any, context: Context) -> Job:
        await self.guard("UpdateJob", request, context)
        job = await self._job(request.job.name, context)
        if self.meanwhile is not None:
            change, self.meanwhile = self.meanwhile, None
            change(job)
        if request.job.etag not in ("", job.etag):
            await _abort(context, refusal(grpc.StatusCode.ABORTED, "ETAG_MISMATCH", "it changed"))
        for path in request.update_mask.paths:
            job.ClearField(path)
            job.MergeFrom(Job(**{path: getattr(request.job, path)}))
        return job

    async def DeleteJob(self, request: Any, context: Context) -> Empty:
        await self.guard("DeleteJob", request, context)
        del self.jobs[(await self._job(request.name, context)).name]
        return Empty()

    async def BatchDeleteJobs(self, request: Any, context: Context) -> Any:
        await self.guard("BatchDeleteJobs", request, context)
        count = len(self.jobs)
        if not request.validate_only:
            self.jobs.clear()
        return job_service_pb2.BatchDeleteJobsResponse(job_count=count)

    async def EstimateJob(self, request: Any, context: Context) -> Any:
        await self.guard("EstimateJob", request, context)
        work = Duration(seconds=request.audio_duration.seconds // 10) if request.HasField("audio_duration") else None
        return job_service_pb2.EstimateJobResponse(queue_position=2, work_duration=work)

    async def ListTags(self, request: Any, context: Context) -> Any:
        await self.guard("ListTags", request, context)
        counts = Counter(tag for job in self.jobs.values() for tag in job.tags)
        tags = [tag_service_pb2.Tag(name=f"tags/{tag}", job_count=counts[tag]) for tag in sorted(counts)]
        return tag_service_pb2.ListTagsResponse(tags=tags)

    async def RenameTag(self, request: Any, context: Context) -> Any:
        await self.guard("RenameTag", request, context)
        changed = self._retag(request.name.removeprefix("tags/"), [request.new_tag])
        tag = tag_service_pb2.Tag(name=f"tags/{request.new_tag}", job_count=changed)
        return tag_service_pb2.RenameTagResponse(tag=tag, changed_count=changed)

    async def DeleteTag(self, request: Any, context: Context) -> Any:
        await self.guard("DeleteTag", request, context)
        return tag_service_pb2.DeleteTagResponse(changed_count=self._retag(request.name.removeprefix("tags/"), []))

    def _retag(self, tag: str, new: list[str]) -> int:
        tagged = [job for job in self.jobs.values() if tag in job.tags]
        for job in tagged:
            job.tags[:] = [other for other in job.tags if other != tag] + new
        return len(tagged)

    async def CreateWebhook(self, request: Any, context: Context) -> Webhook:
        await self.guard("CreateWebhook", request, context)
        made = Webhook(name=f"webhooks/w{len(self.webhooks)}")
        made.MergeFrom(request.webhook)
        self.webhooks[made.name] = made
        return self._shown(made)

    def _shown(self, webhook: Webhook) -> Webhook:
        shown = Webhook(secret="whsec_shown-once")
        shown.MergeFrom(webhook)
        return shown

    async def GetWebhook(self, request: Any, context: Context) -> Webhook:
        await self.guard("GetWebhook", request, context)
        if request.name not in self.webhooks:
            await _abort(context, refusal(grpc.StatusCode.NOT_FOUND, "WEBHOOK_NOT_FOUND", "no such webhook"))
        return self.webhooks[request.name]

    async def ListWebhooks(self, request: Any, context: Context) -> Any:
        await self.guard("ListWebhooks", request, context)
        return webhook_service_pb2.ListWebhooksResponse(webhooks=self.webhooks.values())

    async def UpdateWebhook(self, request: Any, context: Context) -> Webhook:
        webhook = await self.GetWebhook(request.webhook, context)
        for path in request.update_mask.paths:
            webhook.ClearField(path)
            webhook.MergeFrom(Webhook(**{path: getattr(request.webhook, path)}))
        return webhook

    async def DeleteWebhook(self, request: Any, context: Context) -> Empty:
        del self.webhooks[(await self.GetWebhook(request, context)).name]
        return Empty()

    async def RotateWebhookSecret(self, request: Any, context: Context) -> Webhook:
        return self._shown(await self.GetWebhook(request, context))

    async def TestWebhook(self, request: Any, context: Context) -> WebhookDelivery:
        return self._delivery((await self.GetWebhook(request, context)).name, WebhookDelivery.STATE_PENDING)

    async def ListWebhookDeliveries(self, request: Any, context: Context) -> Any:
        await self.guard("ListWebhookDeliveries", request, context)
        found = [self._delivery(request.parent, WebhookDelivery.STATE_DEAD)]
        return webhook_service_pb2.ListWebhookDeliveriesResponse(deliveries=found)

    async def RedeliverWebhook(self, request: Any, context: Context) -> WebhookDelivery:
        await self.guard("RedeliverWebhook", request, context)
        return self._delivery(request.name.partition("/deliveries/")[0], WebhookDelivery.STATE_PENDING)

    def _delivery(self, webhook: str, state: WebhookDelivery.State.ValueType) -> WebhookDelivery:
        event = webhook_service_pb2.WEBHOOK_EVENT_TYPE_JOB_FAILED
        return WebhookDelivery(name=f"{webhook}/deliveries/d1", state=state, event_type=event, error="answered 500")

    async def ListUploads(self, request: Any, context: Context) -> Any:
        await self.guard("ListUploads", request, context)
        writing = [each for each in self.uploads.values() if each.state == Upload.STATE_WRITING]
        return upload_service_pb2.ListUploadsResponse(uploads=writing)

    async def CreateUploadPartUrls(self, request: Any, context: Context) -> Any:
        await self.guard("CreateUploadPartUrls", request, context)
        assert self.store is not None
        base = f"http://127.0.0.1:{self.store.server_port}/{request.name}"
        urls = [
            upload_service_pb2.UploadPartUrl(part_number=part, url=f"{base}?part={part}")
            for part in request.part_numbers
        ]
        return upload_service_pb2.CreateUploadPartUrlsResponse(urls=urls, part_size_bytes=PART)

    async def CompleteUpload(self, request: Any, context: Context) -> Upload:
        await self.guard("CompleteUpload", request, context)
        assert self.store is not None
        pieces = [self.store.parts[f"/{request.name}?part={part.part_number}"] for part in request.parts]
        stated = [part.etag for part in request.parts]
        assert stated == [f'"{hashlib.md5(piece).hexdigest()}"' for piece in pieces]
        self.content[request.name] = b"".join(pieces)
        return await self._complete(self.uploads[request.name], context)


async def serve(gateway: FullGateway) -> tuple[grpc.aio.Server, str]:
    """Serve on a free port of loopback."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    add_UploadServiceServicer_to_server(gateway, server)
    add_JobServiceServicer_to_server(gateway, server)
    add_TagServiceServicer_to_server(gateway, server)
    add_WebhookServiceServicer_to_server(gateway, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, f"127.0.0.1:{port}"
