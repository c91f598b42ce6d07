"""The exit statuses."""

from __future__ import annotations

from locution_client.errors import ApiError

OK = 0
FAILED = 1
"""The server refused the request, or a job ended without a transcript."""
USAGE = 2
"""The command line or the settings are wrong, or a file cannot be read or written."""
UNREACHABLE = 3
"""No server answered."""
UNAUTHENTICATED = 4
"""The server does not know the key, or the key may not do this."""
INTERRUPTED = 130

HELP = (
    f"Exit status: {OK} success; {FAILED} the server refused the request, or the job failed; {USAGE} wrong usage or "
    f"settings, or a file cannot be read or written; {UNREACHABLE} no server answered; {UNAUTHENTICATED} the key is "
    f"unknown or lacks permission; {INTERRUPTED} interrupted (jobs continue on the server)."
)


def of(failure: ApiError | OSError) -> int:
    """Return the exit status of a refusal, or of a file that cannot be read or written."""
    if isinstance(failure, OSError):
        return USAGE
    if failure.unreachable:
        return UNREACHABLE
    return UNAUTHENTICATED if failure.code in ("UNAUTHENTICATED", "PERMISSION_DENIED") else FAILED
