"""Words meet turns, and sections become one transcript."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from locution_common.errors import Reason
from locution_gateway.jobs.config import JobConfig, JobRequestConfig
from locution_gateway.jobs.models import Job, JobState, Section, WarningCode
from locution_gateway.media.models import ChannelMode
from locution_gateway.models.models import ModelChoice
from locution_gateway.pipeline.join import join
from locution_gateway.pipeline.speakers import assign
from locution_gateway.platform.ids import JobId, UploadId, VoiceId
from locution_gateway.platform.principal import TenantId
from locution_gateway.transcripts.models import SectionTranscript
from locution_gateway.voices.models import KnownVoice
from locution_speech.asr import Task
from locution_speech.speakers import Turn
from locution_speech.transcript import CoverageSpan, Outcome, Segment, Word

SECOND = 16_000


def words(*texts: str, start: int = 0) -> tuple[Word, ...]:
    """Words of one second each."""
    return tuple(Word(start + place * SECOND, start + (place + 1) * SECOND, text) for place, text in enumerate(texts))


def segment(*texts: str, start: int = 0) -> Segment:
    found = words(*texts, start=start)
    return Segment(start, found[-1].end, " ".join(texts), found, language="en")


def job(samples: int, mode: ChannelMode = ChannelMode.MIX) -> Job:
    config = JobConfig("auto", Task.TRANSCRIBE, ModelChoice("w/b", ""), 5, True, 0.0, mode)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Job(
        job_id=JobId(uuid4()), tenant_id=TenantId(uuid4()), created_by="t", display_name="", state=JobState.RUNNING,
        upload_id=UploadId(uuid4()), requested=JobRequestConfig(), config=config, tags=(), priority=0,
        cancel_requested=False, retry_of=None, audio_samples=samples, channels=1, pcm_key="k", warnings=(), error=None,
        metrics={}, trace_context="", create_time=now, start_time=now, end_time=None, expire_time=None, version=1,
    )  # fmt: skip


def covered(start: int, end: int, outcome: Outcome = Outcome.TRANSCRIBED) -> tuple[CoverageSpan, ...]:
    return (CoverageSpan(start, end, outcome),)


def test_each_word_takes_the_speaker_it_overlaps_most() -> None:
    turns = [Turn(0, 2 * SECOND, "A"), Turn(2 * SECOND, 4 * SECOND, "B")]
    parts = assign([segment("how", "are.", "fine", "thanks.")], turns)
    assert [(part.speaker, part.text) for part in parts] == [("A", "how are."), ("B", "fine thanks.")]
    assert [(part.start, part.end) for part in parts] == [(0, 2 * SECOND), (2 * SECOND, 4 * SECOND)]


def test_a_word_outside_of_all_turns_takes_the_nearest() -> None:
    parts = assign([segment("hm", start=10 * SECOND)], [Turn(0, SECOND, "A"), Turn(9 * SECOND, 10 * SECOND, "B")])
    assert parts[0].words[0].speaker == "B"


def test_every_word_gets_a_speaker_when_there_are_turns() -> None:
    parts = assign([segment(*"abcdefgh")], [Turn(0, SECOND, "A"), Turn(5 * SECOND, 6 * SECOND, "B")])
    assert all(word.speaker for part in parts for word in part.words)


def test_a_lone_word_inside_of_a_sentence_does_not_change_the_speaker() -> None:
    turns = [Turn(0, SECOND, "A"), Turn(SECOND, 2 * SECOND, "B"), Turn(2 * SECOND, 4 * SECOND, "A")]
    parts = assign([segment("one", "two", "three", "four")], turns)
    assert [part.speaker for part in parts] == ["A"]


def test_overlapping_turns_give_the_word_to_who_shares_more_of_it() -> None:
    parts = assign([segment("word")], [Turn(0, SECOND // 4, "A"), Turn(0, SECOND, "B")])
    assert parts[0].speaker == "B"


def test_words_without_spaces_are_joined_without_spaces() -> None:
    found = tuple(replace(word, spaced=False) for word in words("今", "天", "你", "好"))
    turns = [Turn(0, 2 * SECOND, "A"), Turn(2 * SECOND, 4 * SECOND, "B")]
    parts = assign([Segment(0, 4 * SECOND, "今天你好", found)], turns)
    assert [part.text for part in parts] == ["今天", "你好"]


def test_sections_keep_their_place_in_the_recording() -> None:
    sections = [Section(0, 0, 5 * SECOND), Section(1, 5 * SECOND, 10 * SECOND)]
    texts = [
        (sections[1], 0, SectionTranscript((segment("later"),), covered(0, 5 * SECOND), SECOND)),
        (sections[0], 0, SectionTranscript((segment("first"),), covered(0, 5 * SECOND), SECOND)),
    ]
    joined = join(job(10 * SECOND), sections, texts, [], None)
    assert [(s.text, s.start, s.words[0].start) for s in joined.segments] == [
        ("first", 0, 0), ("later", 5 * SECOND, 5 * SECOND),
    ]  # fmt: skip
    assert joined.summary.coverage == covered(0, 10 * SECOND)
    assert (joined.summary.language, joined.summary.speakers) == ("en", None)


def test_a_failed_section_stands_in_coverage_and_warnings() -> None:
    sections = [Section(0, 0, SECOND), Section(1, SECOND, 2 * SECOND)]
    texts = [(sections[0], 0, SectionTranscript((segment("ok"),), covered(0, SECOND), SECOND))]
    joined = join(job(2 * SECOND), sections, texts, [(sections[1], 0, Reason.INFERENCE_FAILED)], None)
    assert joined.summary.coverage[-1] == CoverageSpan(SECOND, 2 * SECOND, Outcome.FAILED, "INFERENCE_FAILED")
    assert [(w.code, w.reason) for w in joined.warnings] == [(WarningCode.SECTION_FAILED, "INFERENCE_FAILED")]
    assert joined.summary.speech_coverage == 0.5


def test_silence_has_no_speech_coverage_and_no_language() -> None:
    section = Section(0, 0, SECOND)
    quiet = SectionTranscript((), covered(0, SECOND, Outcome.NO_SPEECH), 0)
    summary = join(job(SECOND), [section], [(section, 0, quiet)], [], [()]).summary
    assert (summary.speech_coverage, summary.language, summary.speakers) == (None, None, ())


def test_a_turn_over_a_cut_is_one_turn() -> None:
    sections = [Section(0, 0, SECOND), Section(1, SECOND, 2 * SECOND)]
    texts = [(s, 0, SectionTranscript((), covered(0, SECOND), SECOND)) for s in sections]
    spans = [(Turn(0, SECOND, 0),), (Turn(0, SECOND // 2, 0), Turn(0, SECOND, 1))]
    summary = join(job(2 * SECOND), sections, texts, [], spans).summary
    assert summary.turns == (Turn(0, 3 * SECOND // 2, "SPEAKER_00"), Turn(SECOND, 2 * SECOND, "SPEAKER_01"))
    assert [speaker.speech_samples for speaker in summary.speakers or ()] == [3 * SECOND // 2, SECOND]


def test_separate_channels_each_cover_the_recording() -> None:
    section = Section(0, 0, 2 * SECOND)
    texts = [
        (section, 1, SectionTranscript((segment("right"),), covered(0, 2 * SECOND), SECOND)),
        (section, 0, SectionTranscript((segment("left"),), covered(0, 2 * SECOND), SECOND)),
    ]
    joined = join(job(2 * SECOND, ChannelMode.SEPARATE), [section], texts, [], None)
    assert [(s.channel, s.text) for s in joined.segments] == [(0, "left"), (1, "right")]
    assert [(c.channel, c.start, c.end) for c in joined.summary.coverage] == [(0, 0, 2 * SECOND), (1, 0, 2 * SECOND)]


def test_a_sentence_keeps_its_main_speaker_at_its_edges() -> None:
    turns = [Turn(0, 2 * SECOND, "A"), Turn(2 * SECOND, 10 * SECOND, "B")]
    parts = assign([segment("Neither", "did", "I.", "and", "now", "me", "here.")], turns)
    assert [(part.speaker, part.text) for part in parts] == [("A", "Neither did I."), ("B", "and now me here.")]


def test_a_sentence_that_two_share_evenly_is_split_where_they_change() -> None:
    turns = [Turn(0, 3 * SECOND, "A"), Turn(3 * SECOND, 6 * SECOND, "B")]
    parts = assign([segment("one", "two", "three", "four", "five", "six.")], turns)
    assert [(part.speaker, part.text) for part in parts] == [("A", "one two three"), ("B", "four five six.")]


def test_recognised_speakers_have_their_voice() -> None:
    section, ada = Section(0, 0, SECOND), KnownVoice(VoiceId(uuid4()), "Ada", (1.0,))
    spans = [(Turn(0, SECOND // 2, 1), Turn(SECOND // 2, SECOND, 0))]
    texts = [(section, 0, SectionTranscript((), covered(0, SECOND), 0))]
    speakers = join(job(SECOND), [section], texts, [], spans, names={1: ada}).summary.speakers
    assert speakers is not None
    assert [(each.label, each.voice, each.display_name) for each in speakers] == [
        ("SPEAKER_01", ada.voice_id, "Ada"),
        ("SPEAKER_00", None, None),
    ]


def test_speech_is_summed_over_sections_and_channels_and_failed_ones_have_none() -> None:
    sections = [Section(0, 0, 10 * SECOND), Section(1, 10 * SECOND, 20 * SECOND)]
    heard = [
        (sections[0], channel, SectionTranscript((), covered(0, 10 * SECOND), seconds * SECOND))
        for channel, seconds in ((0, 4), (1, 3))
    ]
    found = join(
        job(20 * SECOND, ChannelMode.SEPARATE), sections, heard, [(sections[1], 0, Reason.INFERENCE_FAILED)], None
    )
    assert found.speech_samples == 7 * SECOND
