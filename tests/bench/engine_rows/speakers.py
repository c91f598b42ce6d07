"""The diarizer against the stock pyannote pipeline at its step of 0.1, on the same models and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyannote.core import Annotation

from tests.bench.engine_rows.bench import Bench, in_thread, interleaved, times
from tests.bench.figures import ratios, spread
from tests.bench.recipes import long_conversation, reference_turns, sections
from tests.bench.recordings import RATE, Pcm, pcm, with_turns
from tests.bench.scoring import Confusion, confusion, pooled_confusion
from tests.bench.table import Row

AIM = "4×; pooled DER ≤ +0.5 points"


@dataclass(frozen=True, slots=True)
class Case:
    """A recording with its turns."""

    audio: Pcm
    turns: Annotation

    def score(self, found: Annotation) -> Confusion:
        """Compare what was found."""
        return confusion(self.turns, found, len(self.audio) / RATE)


async def diarization(bench: Bench) -> list[Row]:
    """Compare speed and errors on every recording with turns, and on a long concatenation."""
    chosen = with_turns()[-1:] if bench.small else with_turns()
    cases = [Case(pcm(found), reference_turns(found)) for found in chosen]
    rows = [await _compared(bench, f"diarization, {len(cases)} recordings with turns", cases)]
    made = long_conversation(bench.pick(40.0, 1200.0))
    what = f"diarization, concatenation of {len(made.audio) / RATE / 60:.1f} minutes"
    return [*rows, await _compared(bench, what, [Case(made.audio, made.turns)])]


async def _compared(bench: Bench, what: str, cases: Sequence[Case]) -> Row:
    speakers, stock = await bench.speakers(), bench.stock()

    async def theirs() -> list[Annotation]:
        return await in_thread(lambda: [stock.diarize(case.audio) for case in cases])

    async def ours() -> list[Annotation]:
        return [await speakers.diarize(sections(case.audio)) for case in cases]

    runs = await interleaved(what, bench.rounds, {"pyannote": theirs, "Locution": ours})
    mine, other = (_pooled(cases, runs[side][-1][1]) for side in ("Locution", "pyannote"))
    return Row(
        what=what,
        aim=AIM,
        measured=f"{ratios(times(runs['pyannote']), times(runs['Locution'])).text('×')}; "
        f"DER {100 * (mine.rate - other.rate):+.2f} points",
        ours=f"{spread(times(runs['Locution'])).text(' s')}, DER {mine.rate:.2%}",
        baseline=f"pyannote.audio, step 0.1: {spread(times(runs['pyannote'])).text(' s')}, DER {other.rate:.2%}",
        remarks=f"recordings one after the other, {sum(len(sections(case.audio)) for case in cases)} sections",
    )


def _pooled(cases: Sequence[Case], found: Sequence[Annotation]) -> Confusion:
    return pooled_confusion(case.score(turns) for case, turns in zip(cases, found, strict=True))
