"""Subtitles: how words are cut into cues and lines, who speaks, when cues show, and what is refused."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from google.protobuf.duration_pb2 import Duration
from locution.v1 import transcript_service_pb2 as pb
from locution_common.errors import Reason, Refused
from locution_gateway.transcripts import convert
from locution_gateway.transcripts.formats import Format, writer
from locution_gateway.transcripts.formats.cues import Cue, cues
from locution_gateway.transcripts.formats.layout import BROADCAST, TELETEXT, VERTICAL, Layout, SpeakerStyle
from locution_gateway.transcripts.models import Speaker, TranscriptSummary
from locution_speech.clock import SAMPLE_RATE, samples, seconds
from locution_speech.transcript import Segment, Word, text_of

from tests.support.subtitles import broken

SUMMARY = TranscriptSummary(3600 * SAMPLE_RATE, None, None, None, (), None, 0)
GUIDE = Path(__file__).parents[4] / "docs" / "guides" / "subtitles.md"
Options, Export = pb.SubtitleOptions, pb.ExportTranscriptRequest


def said(text: str, start: float = 0.0, pace: float = 0.3, speaker: str | None = None, **values: object) -> Segment:
    """Return a segment whose words follow one another, each `pace` seconds long; "|" is a pause of half a second."""
    words: list[Word] = []
    at = start
    for part in text.split():
        if part == "|":
            at += 0.5
            continue
        words.append(Word(samples(at), samples(at + pace), part, 0.9))
        at += pace
    return Segment(words[0].start, words[-1].end, text_of(words), tuple(words), speaker, **values)  # type: ignore[arg-type]


def chinese(text: str, pace: float = 0.2) -> Segment:
    words = [
        Word(samples(n * pace), samples((n + 1) * pace), mark, spaced=False)
        for n, mark in enumerate(re.findall(r"[^。，]+?[。，]?(?=[^。，]|$)", text))
    ]
    return Segment(0, words[-1].end, text, tuple(words), language="zh")


async def each(segments: Sequence[Segment]) -> AsyncIterator[Segment]:
    for segment in segments:
        yield segment


async def cut(*segments: Segment, layout: Layout = BROADCAST, summary: TranscriptSummary = SUMMARY) -> list[Cue]:
    return [cue async for cue in cues(each(segments), summary, layout)]


async def texts(*segments: Segment, layout: Layout = BROADCAST) -> list[tuple[str, ...]]:
    return [cue.lines for cue in await cut(*segments, layout=layout)]


async def test_what_fits_in_a_line_is_one_cue_of_one_line() -> None:
    assert await texts(said("We can be there in ten minutes.")) == [("We can be there in ten minutes.",)]


async def test_a_line_breaks_at_a_clause_and_else_in_balance() -> None:
    assert await texts(said("If it rains all day tomorrow, we stay at home and read.")) == [
        ("If it rains all day tomorrow,", "we stay at home and read.")
    ]
    assert await texts(said("the quick brown fox jumps over the lazy dogs again")) == [
        ("the quick brown fox jumps", "over the lazy dogs again")
    ]


async def test_a_cue_ends_with_its_sentence_or_clause() -> None:
    first = "Nobody had expected that the meeting would take such a long time."
    second = "When the doors opened again, it was dark outside and the last train had left without us."
    found = await texts(said(f"{first} {second}", pace=0.25))
    assert [" ".join(lines) for lines in found] == [
        first,
        "When the doors opened again,",
        "it was dark outside and the last train had left without us.",
    ]


async def test_a_cue_prefers_a_short_pause() -> None:
    text = "the committee met on the first day of the month | and everybody who came had read the whole of the report"
    found = await texts(said(text))
    assert [" ".join(lines) for lines in found] == text.split(" | ")


async def test_no_word_stands_alone() -> None:
    text = "every morning she walked along the river and counted the boats that were moored beneath bridges"
    for lines in await texts(said(text)):
        assert all(len(line.split()) > 1 for line in lines)
    assert await texts(said("Yes."), said("That is what I have been told.", start=0.4)) == [
        ("Yes. That is what I have been told.",)
    ]


async def test_a_silence_parts_cues() -> None:
    assert await texts(said("one two"), said("three four", start=1.7)) == [("one two",), ("three four",)]


async def test_a_cue_shows_at_most_seven_seconds() -> None:
    found = await cut(said("slow words that take their own sweet time", pace=1.5))
    assert [cue.end - cue.start for cue in found] == [6000, 6000]
    drawn = replace(said("x"), end=samples(9), words=(Word(0, samples(9), "x"),))
    assert [(cue.start, cue.end) for cue in await cut(drawn)] == [(0, 7000)]


async def test_a_short_cue_stays_for_five_sixths_of_a_second_unless_the_next_one_comes() -> None:
    assert [(cue.start, cue.end) for cue in await cut(said("Stop!"))] == [(0, 834)]
    found = await cut(said("Stop!", speaker="A"), said("Why should I?", start=0.5, speaker="B"))
    assert [(cue.start, cue.end) for cue in found] == [(0, 500), (500, 1400)]


async def test_chinese_has_lines_of_sixteen_that_no_mark_begins() -> None:
    text = "今天天气很好，我们一起去公园散步吧。明天可能会下雨，所以我打算在家里看书写字。"
    found = await texts(chinese(text))
    assert "".join("".join(lines) for lines in found) == text
    assert all(len(line) <= 16 and line[0] not in "，。" for lines in found for line in lines)
    assert found[0] == ("今天天气很好，", "我们一起去公园散步吧。")


async def test_korean_keeps_its_spaces() -> None:
    found = await texts(said("오늘은 날씨가 아주 좋아서 공원에 갔습니다.", language="ko"))
    assert " ".join(" ".join(lines) for lines in found) == "오늘은 날씨가 아주 좋아서 공원에 갔습니다."
    assert all(len(line) <= 16 for lines in found for line in lines)


async def test_a_piece_of_a_word_is_not_parted_from_it() -> None:
    words = [
        replace(word, spaced=word.text[0] != "-") for word in said("a well -known saying and so on | and on").words
    ]
    segment = Segment(0, words[-1].end, text_of(words), tuple(words))
    assert (await texts(segment))[0][0].startswith("a well-known saying")


async def test_a_word_longer_than_a_line_is_divided() -> None:
    found = await texts(said("x" * 100))
    assert "".join("".join(lines) for lines in found) == "x" * 100
    assert all(len(line) <= 42 for lines in found for line in lines)


async def test_text_without_words_is_cut_in_proportion() -> None:
    text = "This segment has text but no words. So its characters share the time among themselves."
    found = await cut(Segment(0, samples(8.6), text))
    assert " ".join(" ".join(cue.lines) for cue in found) == text
    assert [(cue.start, cue.end) for cue in found] == [(0, 3464), (3464, 8600)]
    assert all(abs(cue.reading_speed - 10) < 1 for cue in found)
    bare = Segment(0, samples(8), "今天天气很好，我们一起去Google公园散步吧。明天可能会下雨。", language="zh")
    assert any("Google" in line for lines in await texts(bare) for line in lines)


async def test_words_that_do_not_write_the_text_give_way_to_it() -> None:
    assert await texts(Segment(0, SAMPLE_RATE, "sentence 0.", (Word(0, SAMPLE_RATE, "sentence"),))) == [
        ("sentence 0.",)
    ]


NAMES = replace(SUMMARY, speakers=(Speaker("A", 1, UUID(int=1), "Ada"), Speaker("B", 1)))
TALK = (
    said("Where have you been all day?", speaker="A"),
    said("At home.", start=2.0, speaker="B"),
    said("And nobody answered the telephone although I called you again and again.", start=3.0, speaker="B"),
)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (SpeakerStyle.NONE, ["Where have you been all day?", "At home."]),
        (SpeakerStyle.PREFIX, ["Ada: Where have you been all day?", "B: At home."]),
        (SpeakerStyle.DASHES, ["- Where have you been all day?\n- At home."]),
    ],
)
async def test_srt_shows_speakers(style: SpeakerStyle, expected: list[str]) -> None:
    write = writer(Format.SRT, replace(BROADCAST, speakers=style)).write
    text = "".join([part async for part in write("a job", NAMES, each(TALK[:2]))])
    assert [cue.split("\n", 2)[2] for cue in text.strip().split("\n\n")] == expected


async def test_vtt_tags_every_cue_and_notes_its_speed() -> None:
    write = writer(Format.VTT, replace(BROADCAST, reading_speed=True)).write
    assert "".join([part async for part in write("a job", NAMES, each(TALK[:1]))]) == (
        "WEBVTT\n\nNOTE 15.6 characters per second\n\n"
        "00:00:00.000 --> 00:00:01.800\n<v Ada>Where have you been all day?\n\n"
    )


async def test_a_name_stands_where_the_speaker_changes() -> None:
    found = [
        " ".join(cue.lines)
        for cue in await cut(*TALK, summary=NAMES, layout=replace(BROADCAST, speakers=SpeakerStyle.PREFIX))
    ]
    assert [text.partition(":")[0] for text in found if ":" in text] == ["Ada", "B"]


async def test_a_long_name_is_cut_short_and_never_stands_alone() -> None:
    summary = replace(SUMMARY, speakers=(Speaker("A", 1, UUID(int=1), "Augusta Ada King, Countess of Lovelace"),))
    for shape in (BROADCAST, replace(BROADCAST, lines=1), replace(BROADCAST, width=8, lines=1)):
        layout = replace(shape, speakers=SpeakerStyle.PREFIX)
        found = await cut(
            said("Donaudampfschifffahrtsgesellschaft und mehr", speaker="A"), summary=summary, layout=layout
        )
        assert "…:" in found[0].lines[0]
        assert not " ".join(found[0].lines).endswith(":")
        assert all(len(line) <= layout.width for cue in found for line in cue.lines)


async def test_a_dialogue_joins_neighbours_alone() -> None:
    dashes = replace(BROADCAST, speakers=SpeakerStyle.DASHES)
    assert await texts(said("Hello there.", speaker="A"), said("Hi there.", start=3, speaker="B"), layout=dashes) == [
        ("Hello there.",),
        ("Hi there.",),
    ]
    assert await texts(said("Hello there.", channel=0), said("Hi there.", start=0.2, channel=1), layout=dashes) == [
        ("- Hello there.", "- Hi there.")
    ]


async def test_channels_that_speak_at_once_share_the_time() -> None:
    long, short = said("one two three four five six seven eight", channel=0), said("no no", start=0.3, channel=1)
    found = await cut(long, short)
    assert [cue.lines[0] for cue in found] == ["one two three four five six seven eight", "no no"]
    assert [(cue.start, cue.end) for cue in found] == [(0, 2127), (2127, 2961)]


async def test_channels_come_in_order_of_time() -> None:
    text = "this channel talks on and on without any pause at all so that it needs quite a number of cues here"
    found = await cut(said(text, channel=0), said("indeed it does", start=1.5, channel=1))
    assert [cue.turn[0] for cue in found] == [0, 1, 0]
    assert all(a.end <= b.start for a, b in pairwise(found))


# --- any words ----------------------------------------------------------------------------------

LATIN = ["a", "of", "the", "speech", "however,", "end.", "really?", "internationally", "well-being", "x" * 30, "Yes!"]
CJK = ["我", "们", "今天", "天气", "很好，", "吧。", "Google", "東京", "です。", "ー"]


def stream(rng: random.Random) -> Iterator[Segment]:
    """Yield random segments in order of start: Latin or not, with words or without, of some channels and speakers."""
    channels: tuple[int | None, ...] = rng.choice([(None,), (0, 1)])
    at: dict[int | None, int] = dict.fromkeys((None, 0, 1), 0)
    segments: list[Segment] = []
    for _ in range(rng.randrange(1, 25)):
        wide, channel = rng.random() < 0.3, rng.choice(channels)
        start = at[channel] + samples(rng.choice([0, 0, 0.2, 0.9, 3]))
        words = []
        for _ in range(rng.randrange(1, 60)):
            end = start + samples(rng.choice([0, 0.02, 0.2, 0.3, 0.5, 2, 9]) * rng.random())
            words.append(Word(start, end, rng.choice(CJK if wide else LATIN), spaced=not wide and rng.random() < 0.95))
            start = end + samples(rng.choice([0, 0, 0.1, 0.6]))
        at[channel] = words[-1].end
        kept = tuple(words) if rng.random() < 0.8 else ()
        speaker = rng.choice(["A", "B"]) if channel is None else None
        segments.append(
            Segment(
                words[0].start, words[-1].end, text_of(words), kept, speaker, "zh" if wide else "en", channel=channel
            )
        )
    yield from sorted(segments, key=lambda segment: segment.start)


LAYOUTS = [
    BROADCAST,
    TELETEXT,
    VERTICAL,
    replace(BROADCAST, speakers=SpeakerStyle.PREFIX),
    Layout(width=8, wide_width=8, lines=1, longest=samples(1), speakers=SpeakerStyle.PREFIX),
    Layout(width=80, wide_width=80, lines=3, longest=samples(60)),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(25))
async def test_every_cue_keeps_the_limits_and_no_word_is_lost(layout: Layout, seed: int) -> None:
    segments = list(stream(random.Random(seed)))
    found = await cut(*segments, layout=layout)
    assert list(broken(found, layout)) == []
    marks = {SpeakerStyle.PREFIX: r"[AB]:|\s", SpeakerStyle.DASHES: r"^- |\s"}
    mark = marks.get(layout.speakers or SpeakerStyle.NONE, r"\s")
    channels = {segment.channel for segment in segments}
    for channel in channels if layout.speakers is not SpeakerStyle.DASHES else channels & {None}:
        spoken = "".join(segment.text for segment in segments if segment.channel == channel)
        shown = "".join(re.sub(mark, "", line) for cue in found if cue.turn[0] == channel for line in cue.lines)
        assert shown == re.sub(r"\s", "", spoken)


# --- options ------------------------------------------------------------------------------------


def layout_of(format: pb.ExportTranscriptRequest.Format.ValueType = Export.FORMAT_VTT, **values: object) -> Layout:
    return convert.layout(Export(format=format, subtitles=Options(**values)))  # type: ignore[arg-type]


def test_single_values_replace_those_of_the_preset() -> None:
    assert convert.layout(Export(format=Export.FORMAT_JSON)) == BROADCAST
    assert layout_of(preset=Options.PRESET_TELETEXT) == TELETEXT
    assert layout_of(max_line_width=30) == replace(BROADCAST, width=30, wide_width=30)
    assert layout_of(preset=Options.PRESET_VERTICAL, max_lines=3) == replace(VERTICAL, lines=3)
    assert layout_of(max_duration=Duration(seconds=4, nanos=500_000_000)) == replace(BROADCAST, longest=samples(4.5))
    assert layout_of(speaker_style=Options.SPEAKER_STYLE_VOICE).speakers is SpeakerStyle.VOICE
    assert layout_of(reading_speed_notes=True).reading_speed


@pytest.mark.parametrize(
    ("format", "values", "field"),
    [
        (Export.FORMAT_TXT, {}, "subtitles"),
        (Export.FORMAT_JSON, {"max_lines": 1}, "subtitles"),
        (Export.FORMAT_SRT, {"speaker_style": Options.SPEAKER_STYLE_VOICE}, "subtitles.speaker_style"),
        (Export.FORMAT_SRT, {"reading_speed_notes": True}, "subtitles.reading_speed_notes"),
        (Export.FORMAT_VTT, {"preset": Options.PRESET_TELETEXT, "max_lines": 1}, "subtitles.max_lines"),
    ],
)
def test_options_without_effect_are_refused_by_name(
    format: pb.ExportTranscriptRequest.Format.ValueType, values: dict[str, object], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        layout_of(format, **values)
    assert refused.value.reason is Reason.INVALID_REQUEST
    assert [violation.field for violation in refused.value.violations] == [field]


def test_the_guide_has_the_values_of_the_presets() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", GUIDE.read_text(), re.MULTILINE))
    styles = {None: "names", SpeakerStyle.DASHES: "dashes", SpeakerStyle.NONE: "none"}
    for name, preset in {"broadcast": BROADCAST, "teletext": TELETEXT, "vertical": VERTICAL}.items():
        values = (preset.width, preset.wide_width, preset.lines, f"{seconds(preset.longest):g} s")
        assert rows[name].split(" | ") == [*map(str, values), styles[preset.speakers]]
