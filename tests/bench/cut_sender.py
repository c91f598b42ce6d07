"""Send one file by the client library in a process of its own, which may be killed, and tell on stdout how it goes.

`python -m tests.bench.cut_sender FILE`; the server's address and key come from the environment, as the command line's do.
Lines: `from OFFSET` as a stream begins, `sent OFFSET` for each message, `done NAME`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from locution.v1 import upload_service_pb2 as pb
from locution_client import Connection
from locution_client.calls import Access, credentials, open_channel
from locution_client.sources import Source
from locution_client.uploads import Sent, Uploads


class Telling(Uploads):
    """The library's own sending, which tells where each stream begins."""

    async def _write(self, upload: pb.Upload, source: Source, sent: Sent) -> pb.Upload:
        _tell("from", upload.committed_bytes)
        return await super()._write(upload, source, sent)


def main() -> None:
    """Send it, going on with what an earlier process began."""
    where = Connection(os.environ["LOCUTION_ADDRESS"], os.environ["LOCUTION_API_KEY"])
    _tell("done", asyncio.run(_send(where, Path(sys.argv[1]))))


async def _send(where: Connection, path: Path) -> str:
    async with open_channel(where) as channel:
        uploads = Telling(channel, Access(credentials(where.api_key)))
        return (await uploads.send(path, sent=lambda offset, _: _tell("sent", offset), resume=True)).name


def _tell(verb: str, what: object) -> None:
    print(verb, what, flush=True)


if __name__ == "__main__":
    main()
