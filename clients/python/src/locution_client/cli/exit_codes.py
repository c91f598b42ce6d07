"""The exit statuses."""

from __future__ import annotations

from locution_client.errors import ApiError

OK = 0
FAILED = 1
"""The server refused the request, or a job ended without a transcript."""
USAGE = 2
"""The command line or the settings are wrong."""
UNREACHABLE = 3
"""No server answered."""
UNAUTHENTICATED = 4
"""The server does not know the key, or the key may not do this."""
INTERRUPTED = 130

HELP = (
    f"Exit status: {OK} success; {FAILED} the server refused the request, or the job failed; {USAGE} wrong usage or "
    f"settings; {UNREACHABLE} no server answered; {UNAUTHENTICATED} the key is unknown or lacks permission; "
    f"{INTERRUPTED} interrupted (jobs continue on the server)."
)


def of(failure: ApiError) -> int:
    """Return the exit status of a refusal."""
    if failure.unreachable:
        return UNREACHABLE
    return UNAUTHENTICATED if failure.code in ("UNAUTHENTICATED", "PERMISSION_DENIED") else FAILED
