"""A small client of Locution's public API, and the `locution` command line on top of it."""

from locution_client.client import Client
from locution_client.errors import ApiError, JobFailed
from locution_client.settings import Connection, NotConfigured, connection
from locution_client.transcription import Options, transcribe

__all__ = ["ApiError", "Client", "Connection", "JobFailed", "NotConfigured", "Options", "connection", "transcribe"]
