"""What the exit status says."""

from __future__ import annotations

from locution_client.errors import ApiError

OK = 0
FAILED = 1
"""The server refused it, or a job ended without a transcript."""
USAGE = 2
"""The command line or the settings are wrong."""
UNREACHABLE = 3
"""No server answered."""
UNAUTHENTICATED = 4
"""The server does not know the key, or does not allow this to it."""
INTERRUPTED = 130

HELP = f"""\
exit status: {OK} done; {FAILED} refused or failed; {USAGE} wrong usage or settings; {UNREACHABLE} no server answers;
{UNAUTHENTICATED} the key is unknown or not allowed to do this; {INTERRUPTED} interrupted (jobs go on at the server)
"""


def of(failure: ApiError) -> int:
    """Return the exit status of a refusal."""
    if failure.unreachable:
        return UNREACHABLE
    return UNAUTHENTICATED if failure.code in ("UNAUTHENTICATED", "PERMISSION_DENIED") else FAILED
