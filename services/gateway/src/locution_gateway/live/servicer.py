"""LiveService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from locution.v1 import live_service_pb2 as pb
from locution.v1.live_service_pb2_grpc import LiveServiceServicer
from locution_common.auth import caller

from locution_gateway.live import convert
from locution_gateway.live.read import EndLive, ReadLive
from locution_gateway.live.stream import StreamLive
from locution_gateway.platform.each import each
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.servicer import Context


@dataclass(frozen=True, slots=True)
class Live(LiveServiceServicer):
    """Transcribes speech while it is spoken."""

    stream: StreamLive
    read: ReadLive
    end: EndLive

    async def Stream(
        self, request_iterator: AsyncIterator[pb.StreamRequest], context: Context
    ) -> AsyncIterator[pb.StreamResponse]:
        messages = convert.client_messages(request_iterator)
        async with aclosing(self.stream.run(caller(Principal), messages, context.add_done_callback)) as answers:
            async for answer in answers:
                yield convert.server_message(answer)

    async def ListSessions(self, request: pb.ListSessionsRequest, context: Context) -> pb.ListSessionsResponse:
        sessions, token = await self.read.list(caller(Principal), request.page_size, request.page_token, request.filter)
        return pb.ListSessionsResponse(sessions=await each(convert.session_to_proto, sessions), next_page_token=token)

    async def GetSession(self, request: pb.GetSessionRequest, context: Context) -> pb.LiveSession:
        return convert.session_to_proto(await self.read.get(caller(Principal), convert.SESSIONS.id(request.name)))

    async def EndSession(self, request: pb.EndSessionRequest, context: Context) -> pb.LiveSession:
        return convert.session_to_proto(await self.end.run(caller(Principal), convert.SESSIONS.id(request.name)))
