"""What is refused, and how: a documented reason, in bounded time, and the service goes on."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Installation
from tests.support import testdata

PLAYLISTS = {
    "playlist.wav": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nneighbour.wav\n#EXT-X-ENDLIST\n",
    "concat.wav": b"ffconcat version 1.0\nfile neighbour.wav\n",
    "session.wav": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "letter.mp3": b"Dear Sir or Madam,\nthis is a letter and no recording.\n" * 20,
}


def refused(installation: Installation, path: Path, *options: str) -> str:
    """Transcribe a file that must be refused, and return what the command line says."""
    done = installation.locution("transcribe", path, *options, timeout=120, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    return done.stderr


def misused(installation: Installation, path: Path) -> str:
    """Transcribe a file that the command line itself refuses, before it sends a byte, and return what it says."""
    done = installation.locution("transcribe", path, timeout=120, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stderr


@pytest.mark.parametrize("name", PLAYLISTS)
def test_text_dressed_as_media_is_unrecognised(installation: Installation, tmp_path: Path, name: str) -> None:
    (tmp_path / "neighbour.wav").write_bytes(b"RIFF")
    (tmp_path / name).write_bytes(PLAYLISTS[name])
    assert "MEDIA_UNRECOGNISED" in refused(installation, tmp_path / name)


def test_an_empty_file_is_refused(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    assert "MEDIA_EMPTY" in refused(installation, tmp_path / "empty.wav")


def test_a_wrong_extension_transcribes(installation: Installation, excerpt: Path, tmp_path: Path) -> None:
    (tmp_path / "sample.pdf").write_bytes(excerpt.read_bytes())
    done = installation.locution(
        "transcribe", tmp_path / "sample.pdf", "--no-diarize", "--asr-model", "whisper/tiny.en"
    )
    assert len(done.stdout.split()) > 10


def test_truncated_media_gives_what_decoded_with_a_warning(
    installation: Installation, sample: Path, tmp_path: Path
) -> None:
    data = sample.read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: len(data) // 2])
    form = ("--format", "json", "--no-diarize", "--asr-model", "whisper/tiny.en")
    text = json.loads(installation.locution("transcribe", tmp_path / "cut.wav", *form).stdout)
    assert text["duration"] == pytest.approx(15.0, abs=0.1)
    assert [warning["code"] for warning in text["warnings"]] == ["MEDIA_TRUNCATED"]


def test_silence_is_an_empty_transcript(installation: Installation, tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "silence.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(bytes(2 * 16_000 * 5))
    text = json.loads(installation.locution("transcribe", tmp_path / "silence.wav", "--format", "json").stdout)
    assert text["segments"] == []
    assert {span["outcome"] for span in text["coverage"]} == {"NO_SPEECH"}


def rows() -> list[dict[str, str]]:
    """Return the recordings of the test data whose outcome is not simply a transcript."""
    with testdata.recording("manifest.tsv").open() as lines:
        return [row for row in csv.DictReader(lines, delimiter="\t") if row["expected"] in ("REFUSED", "NO_WORDS")]


@pytest.mark.timeout(240)
def test_recordings_of_the_test_data_end_as_their_manifest_says(installation: Installation) -> None:
    assert rows()
    for row in rows():
        if Path(row["file"]).suffix == ".raw":
            assert "has no header" in misused(installation, testdata.recording(row["file"])), row["file"]
        elif row["expected"] == "REFUSED":
            assert "MEDIA_" in refused(installation, testdata.recording(row["file"])), row["file"]
        else:
            assert words(installation, testdata.recording(row["file"])) == 0, row["file"]


def words(installation: Installation, path: Path) -> int:
    """Transcribe a file and count its words."""
    done = installation.locution("transcribe", path, "--no-diarize", "--format", "json")
    text: dict[str, Any] = json.loads(done.stdout)
    return sum(len(segment["text"].split()) for segment in text["segments"])
