"""How fast WriteUpload is beside a plain `minio` client on the same store, and what 20 at once cost the api in memory.

    python -m tests.bench.bench_uploads [--mebibytes 256] [--parallel 20]

The api runs as a process of its own over a real Postgres and a real S3 server; figures are printed as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import urllib3
from locution.v1 import upload_service_pb2 as pb
from locution_common.channels import open_channel
from locution_common.postgres import migrate
from locution_gateway.commands import migrations_folder

from tests.service.gateway.api.client import Client, each, messages
from tests.support import processes
from tests.support.postgres import Postgres
from tests.support.s3 import S3Server

KEY = "a-development-key-of-the-bench"
MIB = 1024 * 1024
PART = 8 * MIB


@contextmanager
def running_api(postgres: Postgres, s3: S3Server, bucket: str) -> Iterator[tuple[str, int]]:
    """Run an api process; gives its address and its process id."""
    port = processes.free_port()
    environment = {
        **os.environ,
        "LOCUTION_LISTEN": f"127.0.0.1:{port}",
        "LOCUTION_DATABASE_URL": postgres.url(),
        "LOCUTION_REGISTRY_ADDRESS": "127.0.0.1:1",
        "LOCUTION_DEVELOPMENT_KEY": KEY,
        "LOCUTION_S3_ENDPOINT": s3.endpoint,
        "LOCUTION_S3_ACCESS_KEY": s3.access_key,
        "LOCUTION_S3_SECRET_KEY": s3.secret_key,
        "LOCUTION_S3_BUCKET": bucket,
        "LOCUTION_S3_SECURE": "false",
    }
    log = Path(tempfile.mkdtemp(prefix="locution-bench-")) / "api.log"
    process = processes.spawn([sys.executable, "-m", "locution_gateway", "api"], log=log, env=environment)
    try:
        processes.wait_until(lambda: _open(port), seconds=30, what=f"the api ({log})", alive=[process])
        yield f"127.0.0.1:{port}", process.pid
    finally:
        processes.kill(process)


def _open(port: int) -> bool:
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    try:
        grpc.channel_ready_future(channel).result(timeout=1)
    except grpc.FutureTimeoutError:
        return False
    finally:
        channel.close()
    return True


class PeakMemory:
    """Samples a process's resident memory while inside; `peak` in bytes."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peak = 0

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._done.wait(0.02):
            self.peak = max(self.peak, resident(self._pid))


def resident(pid: int) -> int:
    """Return a process's resident memory in bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def plain_put(s3: S3Server, bucket: str, path: Path) -> float:
    """Put a file with the minio client and return the seconds."""
    started = time.monotonic()
    s3.client.fput_object(bucket, "plain", str(path))
    return time.monotonic() - started


async def write_upload(client: Client, data: bytes, digest: str) -> float:
    """Send bytes by one stream with their digest; return the seconds until they are READY."""
    started = time.monotonic()
    upload = await client.new_upload(size_bytes=len(data), sha256=digest)
    await client.uploads.WriteUpload(each(messages(upload.name, data, 0, digest)))
    await ready(client, upload.name)
    return time.monotonic() - started


async def send_parts(client: Client, data: bytes, digest: str) -> float:
    """Send bytes as presigned parts, four at once; return the seconds until they are READY."""
    started = time.monotonic()
    upload = await client.new_upload(size_bytes=len(data), sha256=digest)
    numbers = range(1, -(-len(data) // PART) + 1)
    request = pb.CreateUploadPartUrlsRequest(name=upload.name, part_numbers=numbers)
    urls = (await client.uploads.CreateUploadPartUrls(request)).urls
    pool = urllib3.PoolManager(maxsize=4)

    def put(url: pb.UploadPartUrl) -> str:
        place = (url.part_number - 1) * PART
        return str(pool.request("PUT", url.url, body=data[place : place + PART]).headers["ETag"])

    with ThreadPoolExecutor(4) as threads:
        tags = await asyncio.gather(*(asyncio.get_running_loop().run_in_executor(threads, put, url) for url in urls))
    parts = [pb.UploadPart(part_number=number, etag=tag) for number, tag in zip(numbers, tags, strict=True)]
    await client.uploads.CompleteUpload(pb.CompleteUploadRequest(name=upload.name, parts=parts))
    await ready(client, upload.name)
    return time.monotonic() - started


async def ready(client: Client, name: str) -> None:
    while (state := (await client.get_upload(name)).state) != pb.Upload.STATE_READY:
        if state == pb.Upload.STATE_FAILED:
            raise RuntimeError("the upload failed")
        await asyncio.sleep(0.02)


async def measure(
    arguments: argparse.Namespace, s3: S3Server, bucket: str, address: str, pid: int
) -> dict[str, object]:
    size = arguments.mebibytes * MIB
    figures: dict[str, list[float]] = {"plain": [], "stream": [], "parts": []}
    async with open_channel(address, token=KEY) as channel:
        client = Client(channel)
        for _ in range(arguments.rounds):
            data = os.urandom(size)
            digest = hashlib.sha256(data).hexdigest()
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                figures["plain"].append(await asyncio.to_thread(plain_put, s3, bucket, Path(file.name)))
            figures["stream"].append(await write_upload(client, data, digest))
            data = os.urandom(size)
            digest = hashlib.sha256(data).hexdigest()
            figures["parts"].append(await send_parts(client, data, digest))
        idle = resident(pid)
        with PeakMemory(pid) as memory:
            await asyncio.gather(*(one_of_many(client, arguments.each) for _ in range(arguments.parallel)))
    best = {name: size / min(seconds) / MIB for name, seconds in figures.items()}
    return {
        "mebibytes": arguments.mebibytes,
        "mebibytes_per_second": {name: round(value, 1) for name, value in best.items()},
        "stream_to_plain": round(best["stream"] / best["plain"], 2),
        "parts_to_plain": round(best["parts"] / best["plain"], 2),
        "parallel": arguments.parallel,
        "resident_before_mebibytes": round(idle / MIB, 1),
        "peak_mebibytes": round(memory.peak / MIB, 1),
    }


async def one_of_many(client: Client, mebibytes: int) -> None:
    data = os.urandom(mebibytes * MIB)
    await write_upload(client, data, hashlib.sha256(data).hexdigest())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parallel", type=int, default=20)
    parser.add_argument("--each", type=int, default=24, help="mebibytes of each parallel upload")
    arguments = parser.parse_args()
    postgres, s3 = Postgres(), S3Server()
    try:
        asyncio.run(migrate(postgres.url(), migrations_folder(), "gateway"))
        s3.client.make_bucket("bench")
        with running_api(postgres, s3, "bench") as (address, pid):
            print(json.dumps(asyncio.run(measure(arguments, s3, "bench", address, pid)), indent=2))
    finally:
        s3.close()
        postgres.close()


if __name__ == "__main__":
    main()
