"""One connection to one server."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from locution_client.accounts import Accounts
from locution_client.administration import Administration
from locution_client.calls import Access, credentials, open_channel
from locution_client.errors import ApiError
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

    def __init__(self, connection: Connection, *, waiting: Callable[[ApiError], None] = lambda failure: None) -> None:
        """Connect to a server; `waiting` is called once when a call has waited for the server for some seconds."""
        self.address = connection.address
        self._channel = open_channel(connection)
        access = self._access = Access(credentials(connection.api_key), waiting=waiting)
        self.uploads = Uploads(self._channel, access)
        self.jobs = Jobs(self._channel, access)
        self.live = Live(self._channel, access)
        self.transcripts = Transcripts(self._channel, access)
        self.models = Models(self._channel, access)
        self.tags = Tags(self._channel, access)
        self.webhooks = Webhooks(self._channel, access)
        self.voices = Voices(self._channel, access)
        self.accounts = Accounts(self._channel, access)
        self.administration = Administration(self._channel, access)

    def show(self, api_key: str) -> None:
        """Use another key from now on."""
        self._access.metadata = credentials(api_key)

    async def __aenter__(self) -> Client:
        """Return the client."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the channel."""
        await self._channel.close()
