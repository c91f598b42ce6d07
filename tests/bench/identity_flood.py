"""Flood an api with one key until killed: `python -m tests.bench.identity_flood ADDRESS KEY CALLERS`."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import grpc
from locution.v1.upload_service_pb2 import ListUploadsRequest
from locution.v1.upload_service_pb2_grpc import UploadServiceStub
from locution_common.channels import open_channel


async def main(address: str, key: str, callers: int) -> None:
    """Call without a pause from many callers at once."""
    async with open_channel(address, token=key) as channel:
        stub = UploadServiceStub(channel)
        await asyncio.gather(*[_call(stub) for _ in range(callers)])


async def _call(stub: UploadServiceStub) -> None:
    while True:
        with contextlib.suppress(grpc.aio.AioRpcError):
            await stub.ListUploads(ListUploadsRequest(), timeout=10)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
