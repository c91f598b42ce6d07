"""Qualification: which recordings it takes, how it counts, when FAST passes."""

from __future__ import annotations

import json
from pathlib import Path

import jiwer
import pytest
from locution_asr.qualification.command import main
from locution_asr.qualification.engine import EngineDiffers, Texts, accurate, check, fast
from locution_asr.qualification.judge import Qualification, TooFewWords, destroys, judge
from locution_asr.qualification.recordings import SHIFTS, ManifestInvalid, Referenced, referenced, shifted
from locution_asr.qualification.scoring import distance, score, units
from locution_speech.asr import DecodeMode, ModeChoice, Options, Started
from locution_speech.clock import samples, seconds

SAID = "one two three four five six seven eight nine ten"


def recordings(language: str = "en", count: int = 30) -> list[Referenced]:
    return [Referenced(f"{number}.wav", Path(f"{number}.wav"), language, SAID) for number in range(count)]


def manifest(folder: Path, *rows: str) -> Path:
    header = "file\tlanguage\ttranscript\texpected"
    (folder / "manifest.tsv").write_text("\n".join([header, *(row.replace("|", "\t") for row in rows)]))
    (folder / "a.txt").write_text(SAID)
    (folder / "empty.txt").write_text("\n")
    return folder


def test_only_recordings_with_words_to_compare_are_run(tmp_path: Path) -> None:
    folder = manifest(
        tmp_path,
        "a.wav|en|a.txt|TRANSCRIBED",
        "b.wav|de|a.txt|TRANSCRIBED",
        "noise.wav|zxx|empty.txt|NO_WORDS",
        "broken.wav|en|a.txt|REFUSED",
        "plain.raw|en|a.txt|TRANSCRIBED",
        "none.wav|en|-|TRANSCRIBED",
        "silent.wav|en|empty.txt|TRANSCRIBED",
    )
    assert [item.name for item in referenced(folder)] == ["a.wav", "b.wav"]
    assert [item.name for item in referenced(folder, "de")] == ["b.wav"]
    assert referenced(folder)[0].text == SAID


@pytest.mark.parametrize("rows", [[], ["a.wav|en|-|TRANSCRIBED"], ["a.wav|en|absent.txt|TRANSCRIBED"]])
def test_a_manifest_that_gives_nothing_is_refused(tmp_path: Path, rows: list[str]) -> None:
    with pytest.raises(ManifestInvalid):
        referenced(manifest(tmp_path, *rows))


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid):
        referenced(tmp_path)


def test_words_are_compared_without_case_marks_and_asides() -> None:
    assert units("Hello, WORLD! [noise] (sighs) It’s 5 o'clock…", "en") == [
        "hello",
        "world",
        "it",
        "s",
        "5",
        "o",
        "clock",
    ]
    assert units("今天，天气 好。", "zh") == list("今天天气好")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("a b c", "a b c"),
        ("a b c", ""),
        ("", "a b"),
        ("a b c d", "b c x d e"),
        ("the cat sat on the mat", "a cat sat at the the mat now"),
        (SAID, " ".join(reversed(SAID.split()))),
    ],
)
def test_errors_are_counted_as_others_count_them(wanted: str, found: str) -> None:
    counted = distance(wanted.split(), found.split())
    if not wanted:
        assert counted == len(found.split())
    else:
        assert counted == round(jiwer.wer(wanted, found) * len(wanted.split()))


def test_a_score_is_against_the_reference() -> None:
    assert score(SAID, "one two", "en").rate == 0.8


def judged(said: list[Referenced], texts: list[str], fast: list[str], shortest: float = 10.0) -> Qualification:
    return judge("m", "c", said, texts, fast, texts, shortest)


def test_fast_passes_with_a_loss_of_half_a_point_and_fails_beyond() -> None:
    said = recordings(count=40)
    texts = [SAID] * 40
    wrong = SAID.replace("one", "won")
    assert judged(said, texts, [wrong, wrong, *texts[2:]]).passes
    assert not judged(said, texts, [wrong, wrong, wrong, *texts[3:]]).passes


def test_the_languages_that_lose_most_decide() -> None:
    said = [*recordings("en"), *recordings("de", 20)]
    texts = [SAID] * 50
    qualification = judged(said, texts, [*texts[:30], *[SAID.replace("one", "won")] * 20], 7.5)
    assert qualification.worst.name == "others"
    assert (qualification.word_count, qualification.accurate_word_error_rate) == (200, 0.0)
    assert qualification.fast_word_error_rate == pytest.approx(0.1)
    assert not qualification.passes
    assert qualification.min_encoder_input == 7.5


def test_one_destroyed_recording_fails_however_good_the_others_are() -> None:
    said = shifted(recordings(count=400))
    texts = [SAID] * len(said)
    qualification = judged(said, texts, [*texts[:4], "one two three", *texts[5:]])
    assert round(qualification.worst.loss, 6) <= 0.005
    assert (qualification.destroyed, qualification.passes) == (("1.wav",), False)
    assert qualification.to_json()["destroyed_recording_count"] == 1


@pytest.mark.parametrize(
    ("accurate", "fast", "sequential", "destroyed"),
    [
        (10, 6, 10, False),
        (10, 5, 10, True),
        (5, 5, 5, False),
        (5, 5, 10, True),
        (0, 5, 9, False),
    ],
)
def test_a_text_is_destroyed_beside_either_of_the_others(
    accurate: int, fast: int, sequential: int, destroyed: bool
) -> None:
    [said] = recordings(count=1)
    assert destroys(said, *(" ".join(SAID.split()[:count]) for count in (accurate, fast, sequential))) is destroyed


def test_a_long_text_is_destroyed_by_a_share_of_its_words() -> None:
    said = Referenced("a.wav", Path("a.wav"), "en", " ".join([SAID] * 10))
    assert not destroys(said, said.text, " ".join(said.text.split()[15:]), said.text)
    assert destroys(said, said.text, " ".join(said.text.split()[16:]), said.text)


def test_every_recording_is_read_after_each_silence() -> None:
    assert [(item.name, item.shift) for item in shifted(recordings(count=2))] == [
        (name, shift) for name in ("0.wav", "1.wav") for shift in SHIFTS
    ]


def test_too_few_words_give_no_qualification() -> None:
    with pytest.raises(TooFewWords):
        judged(recordings(count=9), [SAID] * 9, [SAID] * 9)


def test_storing_a_qualification_needs_a_registry(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--model", "", "--models-root", ".", "--recordings", ".", "--asr", "127.0.0.1:1", "--register"])
    assert ended.value.code == 2
    assert "--registry" in capsys.readouterr().err


def test_the_model_itself_must_be_at_hand(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--model", "a/b", "--models-root", str(tmp_path), "--recordings", ".", "--asr", "127.0.0.1:1"])
    assert ended.value.code == 2
    assert "--models-root" in capsys.readouterr().err


@pytest.mark.parametrize("inputs", ["", "short", "7.5,", "2", "7.5,31"])
def test_encoder_inputs_are_seconds_that_the_encoder_takes(inputs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--model", "a/b", "--recordings", ".", "--asr", "127.0.0.1:1", "--inputs", inputs])
    assert ended.value.code == 2
    assert "2.5 to 30" in capsys.readouterr().err


class Engine:
    """Give for each mode the texts that a model would give; keep the modes that were asked for."""

    def __init__(self, worst: float) -> None:
        self.worst = worst
        self.asked: list[float] = []

    async def transcribed(self, channel: object, model: str, said: list[Referenced], mode: Options) -> Texts:
        if mode.mode is ModeChoice.ACCURATE:
            return Texts("c", (SAID,) * len(said))
        assert mode.shortest_input is not None
        self.asked.append(seconds(mode.shortest_input))
        return Texts("c", ((SAID if self.asked[-1] > self.worst else ""),) * len(said))


@pytest.mark.parametrize(
    ("worst", "code", "tried", "kept"),
    [(0.0, 0, [7.5], 7.5), (7.5, 0, [7.5, 10.0], 10.0), (15.0, 1, [7.5, 10.0, 15.0], 15.0)],
)
def test_the_shortest_input_that_passes_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worst: float, code: int, tried: list[float], kept: float
) -> None:
    engine = Engine(worst)
    monkeypatch.setattr("locution_asr.qualification.engine.transcribed", engine.transcribed)
    monkeypatch.setattr("locution_asr.qualification.command.transcribed", lambda folder, said, say: (SAID,) * len(said))
    (tmp_path / "a" / "b").mkdir(parents=True)
    folder = manifest(tmp_path, *["a.wav|en|a.txt|TRANSCRIBED"] * 10)
    asked = [
        "--model",
        "a/b",
        "--recordings",
        str(folder),
        "--asr",
        "127.0.0.1:1",
        "--output",
        str(tmp_path / "v.json"),
        "--models-root",
        str(tmp_path),
    ]
    with pytest.raises(SystemExit) as ended:
        main([*asked, "--inputs", "15,10,7.5"])
    assert (ended.value.code, engine.asked) == (code, tried)
    assert json.loads((tmp_path / "v.json").read_text())["min_encoder_input"] == kept


def ran(*, fast: bool, shortest: float | None = None) -> Started:
    mode = DecodeMode.FAST if fast else DecodeMode.ACCURATE
    return Started("a/b", "c", "cpu", mode, None if shortest is None else samples(shortest), None)


def test_an_engine_that_runs_what_was_asked_is_judged() -> None:
    check(ran(fast=False), accurate())
    check(ran(fast=True, shortest=7.5), fast(7.5))


@pytest.mark.parametrize(
    ("started", "asked"),
    [
        (ran(fast=True, shortest=10.0), accurate()),
        (ran(fast=False), fast(7.5)),
        (ran(fast=True, shortest=10.0), fast(7.5)),
        (ran(fast=True), fast(7.5)),
    ],
)
def test_an_engine_that_runs_something_else_is_not(started: Started, asked: Options) -> None:
    with pytest.raises(EngineDiffers):
        check(started, asked)
