"""The table of all rows."""

from __future__ import annotations

import av
from locution_common.errors import Refused

from tests.bench.scoring import Errors, pooled
from tests.bench.table import lines
from tests.media.rows import Row, rows

HEAD = ("container", "codec", "what is odd", "result", "sound off by", "word errors beside the source's")
_TEXT = """# Media tests: containers, codecs and odd files

`make test-media` writes this page. It makes each file by FFmpeg {version} from one recording of a telephone call, decodes it as a job does,
and looks for the recording in the result: piece by piece, by its loudness, in steps of 1 ms. Sound must be within 50 ms of the
time at which a player plays it. whisper/tiny.en transcribes what was found; its errors against the reference are compared
with those in the source, in percentage points. A file that is not decoded must be refused by the name of its codec or
container.

{count} files; the furthest sound is off by {worst:.0f} ms. Over all files, the word error rate is {rate:+.1f} points off the source's.

{table}
"""


class Results:
    """What came of each row."""

    def __init__(self) -> None:
        self._off: dict[str, float] = {}
        self._result: dict[str, str] = {}
        self._points: dict[str, float] = {}
        self._ours: list[Errors] = []
        self._true: list[Errors] = []

    @property
    def complete(self) -> bool:
        """Tell whether every row has a result."""
        return len(self._result) == len(rows())

    @property
    def points(self) -> float:
        """Return how many points the word error rate over all rows is off the source's."""
        return 100 * (pooled(self._ours).rate - pooled(self._true).rate)

    def decoded(self, row: Row, off: float, warnings: tuple[str, ...]) -> None:
        """Keep where a row's sound was."""
        self._off[row.name] = off
        self._result[row.name] = ", ".join(("decoded", *warnings))

    def refused(self, row: Row, error: Refused) -> None:
        """Keep how a row was refused."""
        self._result[row.name] = f"refused: {error.reason} ({row.named})" if row.named else f"refused: {error.reason}"

    def transcribed(self, row: Row, ours: Errors, true: Errors) -> int:
        """Keep the errors of a row and of the source, and return how many more words are wrong."""
        self._ours.append(ours)
        self._true.append(true)
        self._points[row.name] = 100 * (ours.rate - true.rate)
        return ours.count - true.count

    def page(self) -> str:
        """Return the page of the docs."""
        return _TEXT.format(
            version=av.ffmpeg_version_info,
            count=len(self._result),
            worst=1000 * max(map(abs, self._off.values())),
            rate=self.points,
            table=lines([HEAD, *(self._cells(row) for row in rows())]),
        )

    def _cells(self, row: Row) -> tuple[str, ...]:
        off, points = self._off.get(row.name), self._points.get(row.name)
        return (
            row.container,
            row.codec,
            row.quirk,
            self._result[row.name],
            "" if off is None else f"{1000 * off:+.0f} ms",
            "" if points is None else f"{points:+.1f}",
        )
