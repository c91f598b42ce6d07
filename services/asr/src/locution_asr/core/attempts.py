"""Plan the attempts at decoding a window: the first with sound text wins."""

from __future__ import annotations

from dataclasses import dataclass, replace

from locution_speech.asr import DecodeMode, Options
from locution_speech.clock import samples, seconds
from locution_speech.languages import token_density

from locution_asr.core.guards import ACCEPTED_AT_LAST, CERTAIN, Guard
from locution_asr.domain.models import SHORTEST_INPUT, WINDOW_SAMPLES
from locution_asr.domain.ports import Search

MAX_TOKENS = 224
BUCKET = samples(2.5)
TAIL = samples(2.0)
LONGEST_CUT = samples(18.0)
REDO_BEAM = 5
SAMPLING_TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class AttemptPlan:
    """How one attempt decodes a window: padded to `length` samples, with or without the request's prompt.

    A draft of more than `limit` tokens exceeds what the audio can hold. With `detects`, only the language is detected.
    """

    length: int
    search: Search
    guard: Guard
    prompted: bool = True
    limit: int = MAX_TOKENS
    detects: bool = False

    @property
    def whole(self) -> bool:
        """Tell whether the encoder gets a full window."""
        return self.length == WINDOW_SAMPLES


def plan_attempts(options: Options, mode: DecodeMode, heard: int) -> tuple[AttemptPlan, ...]:
    """Return the attempts at a window of `heard` samples, in order."""
    again = (_full(max(REDO_BEAM, options.beam_size)), *_last_resorts(options))
    first = _cut(options, heard) if mode is DecodeMode.FAST else _full(options.beam_size)
    limit = token_limit(options, heard)
    return tuple(replace(each, limit=limit) for each in (first, *(again if mode is DecodeMode.FAST else again[1:])))


def plan_again(options: Options, mode: DecodeMode, heard: int) -> tuple[AttemptPlan, ...]:
    """Return the attempts at `heard` samples of speech that got no words, without the request's prompt.

    The text of an earlier attempt may have been right to leave this out, so the limits are not relaxed. FAST cuts the
    encoder's input first: what is improbable there is not tried again.
    """
    whole = _full(max(REDO_BEAM, options.beam_size))
    plans = (_cut(options, heard), whole) if mode is DecodeMode.FAST else (whole,)
    return tuple(replace(each, prompted=False, limit=token_limit(options, heard)) for each in plans)


def plan_second(options: Options, mode: DecodeMode, heard: int) -> tuple[AttemptPlan, ...]:
    """Return the attempts at `heard` samples that the detector rejected; all must be sound, the last one certain."""
    *cut, whole = plan_again(options, mode, heard)
    return (*cut, replace(whole, guard=CERTAIN))


def plan_detection(heard: int) -> AttemptPlan:
    """Return the plan that detects the language of `heard` samples; it needs no padding."""
    length = min(WINDOW_SAMPLES, -(-heard // BUCKET) * BUCKET)
    return AttemptPlan(length, Search(beam_size=1, max_tokens=1), Guard(), detects=True)


def token_limit(options: Options, heard: int) -> int:
    """Return the most tokens that audio of this length can hold."""
    return min(MAX_TOKENS, Guard().token_cap(seconds(heard), token_density(options.language)))


def longest_window(mode: DecodeMode, longest: int) -> int:
    """Return the longest window: the encoder's cost grows faster than its input, so FAST keeps windows shorter."""
    return min(longest, LONGEST_CUT) if mode is DecodeMode.FAST else longest


def bucket(heard: int, shortest: int | None = None) -> int:
    """Return the shortest safe encoder input: the speech plus 2 s, at least `shortest`, in steps of 2.5 s."""
    wanted = max(shortest or SHORTEST_INPUT, heard + TAIL)
    return min(WINDOW_SAMPLES, -(-wanted // BUCKET) * BUCKET)


def _cut(options: Options, heard: int) -> AttemptPlan:
    length = bucket(heard, options.shortest_input)
    cap = token_limit(options, length)
    return AttemptPlan(length, Search(beam_size=options.beam_size, max_tokens=cap), Guard())


def _full(beam_size: int) -> AttemptPlan:
    return AttemptPlan(WINDOW_SAMPLES, Search(beam_size=beam_size, max_tokens=MAX_TOKENS), Guard())


def _last_resorts(options: Options) -> tuple[AttemptPlan, ...]:
    """Drop the prompt and forbid repeated trigrams; sample at rising temperatures as far as the request allows."""
    beam = Search(beam_size=max(REDO_BEAM, options.beam_size), max_tokens=MAX_TOKENS, no_repeat_ngram=3)
    calm = AttemptPlan(WINDOW_SAMPLES, beam, ACCEPTED_AT_LAST, prompted=False)
    allowed = (t for t in SAMPLING_TEMPERATURES if t <= options.max_temperature)
    sampled = (Search(1, MAX_TOKENS, temperature) for temperature in allowed)
    return (calm, *(AttemptPlan(WINDOW_SAMPLES, search, ACCEPTED_AT_LAST, prompted=False) for search in sampled))
