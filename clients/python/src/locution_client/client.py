"""One connection to one server."""

from __future__ import annotations

from types import TracebackType

from locution_client.accounts import Accounts
from locution_client.administration import Administration
from locution_client.calls import credentials, open_channel
from locution_client.jobs import Jobs
from locution_client.live import Live
from locution_client.models import Models
from locution_client.settings import Connection
from locution_client.tags import Tags
from locution_client.transcripts import Transcripts
from locution_client.uploads import Uploads
from locution_client.voices import Voices
from locution_client.webhooks import Webhooks


class Client:
    """Hold a channel and one caller for each public service; use it with `async with`."""

    def __init__(self, connection: Connection) -> None:
        self.address = connection.address
        self._channel = open_channel(connection)
        metadata = credentials(connection.api_key)
        self.uploads = Uploads(self._channel, metadata)
        self.jobs = Jobs(self._channel, metadata)
        self.live = Live(self._channel, metadata)
        self.transcripts = Transcripts(self._channel, metadata)
        self.models = Models(self._channel, metadata)
        self.tags = Tags(self._channel, metadata)
        self.webhooks = Webhooks(self._channel, metadata)
        self.voices = Voices(self._channel, metadata)
        self.accounts = Accounts(self._channel, metadata)
        self.administration = Administration(self._channel, metadata)

    def show(self, api_key: str) -> None:
        """Use another key from now on."""
        metadata = credentials(api_key)
        callers = (self.uploads, self.jobs, self.live, self.transcripts, self.models, self.tags, self.webhooks)
        for caller in (*callers, self.voices, self.accounts, self.administration):
            caller._metadata = metadata  # noqa: SLF001 - each of them is this client's own

    async def __aenter__(self) -> Client:
        """Return the client."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the channel."""
        await self._channel.close()
