"""Layouts are told by headers and text alone."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from locution_registry.adapters.folders import LocalFolders
from locution_registry.domain.errors import ModelLayoutInvalid
from locution_registry.domain.models import Kind, Layout, ModelPath
from locution_speech.capabilities import Capabilities

from tests.unit.registry.models_on_disk import (
    ENGLISH,
    LANGUAGES,
    MULTILINGUAL,
    PIPELINE,
    ct2_model,
    safetensors,
    tokens,
    write_pyannote,
    write_whisper,
)

PATH = ModelPath.parse("set/model")
ZIP = b"PK\x03\x04rest"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the model is to lie."""
    return tmp_path / "models" / "set" / "model"


async def layout(disk: LocalFolders) -> Layout:
    """Inspect the model."""
    return (await disk.inspect(PATH)).layout


async def refusal(disk: LocalFolders) -> str:
    """Inspect what must be refused; return why."""
    with pytest.raises(ModelLayoutInvalid) as caught:
        await disk.inspect(PATH)
    return caught.value.message


async def test_a_multilingual_whisper(disk: LocalFolders, folder: Path) -> None:
    write_whisper(folder)
    capabilities = Capabilities(
        languages=LANGUAGES, language_detection=True, translation=True, word_times=True, prompt=True
    )
    assert await layout(disk) == Layout(Kind.ASR, "faster-whisper", "ctranslate2-whisper", capabilities)


async def test_an_english_whisper_has_one_language_whatever_its_lang_ids_say(disk: LocalFolders, folder: Path) -> None:
    start = tokens(ENGLISH).index("<|startoftranscript|>") + 1
    write_whisper(folder, vocabulary=ENGLISH, lang_ids=list(range(start, start + 5)))
    found = (await layout(disk)).capabilities
    assert (found.languages, found.language_detection, found.translation) == (("en",), False, False)


async def test_languages_are_those_that_the_configuration_numbers(disk: LocalFolders, folder: Path) -> None:
    start = tokens().index("<|startoftranscript|>") + 1
    write_whisper(folder, lang_ids=[start, start + 2])
    assert (await layout(disk)).capabilities.languages == ("en", "de")


async def test_a_pruned_decoder_does_not_translate(disk: LocalFolders, folder: Path) -> None:
    write_whisper(folder, model=ct2_model(encoder=4, decoder=2))
    found = (await layout(disk)).capabilities
    assert (found.language_detection, found.translation) == (True, False)


async def test_without_alignment_heads_words_have_no_times(disk: LocalFolders, folder: Path) -> None:
    write_whisper(folder, alignment_heads=None)
    assert not (await layout(disk)).capabilities.word_times


async def test_a_vocabulary_may_be_json(disk: LocalFolders, folder: Path) -> None:
    write_whisper(folder)
    (folder / "vocabulary.txt").unlink()
    (folder / "vocabulary.json").write_text(json.dumps(tokens()))
    assert (await layout(disk)).capabilities.languages == LANGUAGES


async def test_aliases_end_the_model(disk: LocalFolders, folder: Path) -> None:
    write_whisper(folder, model=ct2_model(aliases={"decoder/projection/weight": "decoder/embeddings/weight"}))
    assert (await layout(disk)).kind is Kind.ASR


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "vocabulary.txt"])
async def test_each_file_is_needed(disk: LocalFolders, folder: Path, missing: str) -> None:
    write_whisper(folder)
    (folder / missing).unlink()
    assert missing in await refusal(disk)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (b"", "cut short"),
        (b"\x80\x05K\x01.", "CTranslate2"),
        (b"PK\x03\x04" + b"\0" * 100, "CTranslate2"),
        (ct2_model()[:-1], "cut short"),
        (ct2_model()[: len(ct2_model()) // 2], "cut short"),
        (ct2_model() + b"x", "goes on"),
        (ct2_model(spec="TransformerSpec"), "not Whisper"),
        (ct2_model(version=9), "CTranslate2"),
        (ct2_model(decoder=0), "no layers"),
        (b"\x06\0\0\0\x0c\0WhisperSpec\0\x03\0\0\0\xff\xff\xff\x7f", "claims"),
        (b"\x06\0\0\0\xff\xff", "cut short"),
        (b"\x06\0\0\0\x03\0\xff\xfe\0\x03\0\0\0\0\0\0\0", "no text"),
    ],
)
async def test_a_damaged_or_foreign_model_is_refused(disk: LocalFolders, folder: Path, model: bytes, why: str) -> None:
    write_whisper(folder, model=model)
    assert why in await refusal(disk)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("config.json", "[]", "config.json"),
        ("config.json", "{", "config.json"),
        ("config.json", "[" * 100_000, "config.json"),
        ("config.json", '{"alignment_heads": [[9, 0]]}', "alignment heads"),
        ("config.json", '{"alignment_heads": "all"}', "alignment heads"),
        ("config.json", '{"lang_ids": [3]}', "languages"),
        ("config.json", '{"lang_ids": [99999999]}', "languages"),
        ("config.json", '{"lang_ids": [-1]}', "languages"),
        ("config.json", " " * 2_000_000, "larger than"),
        ("tokenizer.json", "{}", "tokenizer"),
        ("vocabulary.txt", "a\nb\n", "no token"),
        ("vocabulary.txt", "\n".join(tokens(MULTILINGUAL + 1)), "tokens, model.bin but"),
    ],
)
async def test_odd_texts_are_refused(disk: LocalFolders, folder: Path, name: str, content: str, why: str) -> None:
    write_whisper(folder)
    (folder / name).write_text(content)
    assert why in await refusal(disk)


async def test_text_that_is_none_is_refused(disk: LocalFolders, folder: Path) -> None:
    write_whisper(folder)
    (folder / "vocabulary.txt").write_bytes(b"\xff\xfe")
    assert "UTF-8" in await refusal(disk)


async def test_a_pipeline_folder(disk: LocalFolders, folder: Path) -> None:
    write_pyannote(folder)
    assert await layout(disk) == Layout(
        Kind.DIARIZATION, "pyannote", "pyannote-pipeline", Capabilities(speaker_counts=True, overlap=True)
    )


async def test_a_community_1_folder(disk: LocalFolders, folder: Path) -> None:
    config = PIPELINE.replace("AgglomerativeClustering", "VBxClustering").replace(
        "    embedding:", "    plda: $model/plda\n    embedding:"
    )
    write_pyannote(folder, config)
    (folder / "embedding" / "wespeaker-x.onnx").unlink()
    (folder / "embedding" / "pytorch_model.bin").write_bytes(ZIP)
    (folder / "segmentation" / "model.safetensors").unlink()
    (folder / "segmentation" / "pytorch_model.bin").write_bytes(ZIP)
    (folder / "plda").mkdir()
    for name in ("plda.npz", "xvec_transform.npz"):
        assert name in await refusal(disk)
        (folder / "plda" / name).write_bytes(ZIP)
    assert (await layout(disk)).name == "pyannote-pipeline"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("SpeakerDiarization", "VoiceActivityDetection", "another pipeline"),
        ("AgglomerativeClustering", "OracleClustering", "another clustering"),
        ("$model/segmentation", "pyannote/segmentation-3.0", "so that nothing is fetched"),
        ("$model/embedding", "/etc/passwd", "so that nothing is fetched"),
        ("$model/embedding", "$model/../../other/embedding", "neither"),
        ("$model/embedding", "$model/nowhere", "neither"),
        ("$model/embedding", "[1, 2]", "so that nothing is fetched"),
        ("pipeline:", "- pipeline:", "YAML"),
        ("pipeline:", "pipes:", "no mapping 'pipeline'"),
        ("clustering: {threshold: 0.65}", "x: 1", "no mapping 'clustering'"),
        ("threshold: 0.65", "threshold: !!python/object/apply:os.system ['false']", "YAML"),
        ("threshold: 0.65", "threshold: " + "[" * 5000, "YAML"),
        ("AgglomerativeClustering", "VBxClustering", "plda"),
    ],
)
async def test_an_odd_configuration_is_refused(disk: LocalFolders, folder: Path, old: str, new: str, why: str) -> None:
    assert old in PIPELINE
    write_pyannote(folder, PIPELINE.replace(old, new))
    assert why in await refusal(disk)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("segmentation/model.safetensors", safetensors()[:-1], "not as long"),
        ("segmentation/model.safetensors", safetensors(header_extra=8), "not as long"),
        ("segmentation/model.safetensors", b"", "JSON"),
        ("segmentation/model.safetensors", b"\xff" * 16, "JSON"),
        ("segmentation/model.safetensors", b"\x02\0\0\0\0\0\0\0{}", "not as long"),
        ("segmentation/model.json", b"{}", "architecture"),
        ("embedding/wespeaker-x.onnx", b"\x80\x05", "ONNX"),
        ("embedding/wespeaker-x.onnx", b"", "ONNX"),
    ],
)
async def test_a_damaged_part_is_refused(disk: LocalFolders, folder: Path, name: str, content: bytes, why: str) -> None:
    write_pyannote(folder)
    (folder / name).write_bytes(content)
    assert why in await refusal(disk)


async def test_nothing_is_unpickled(disk: LocalFolders, folder: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "exploded",))

    write_pyannote(folder)
    (folder / "segmentation" / "model.safetensors").unlink()
    (folder / "segmentation" / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    assert "no checkpoint" in await refusal(disk)
    assert not (tmp_path / "exploded").exists()


async def test_a_folder_of_no_layout_or_of_two_is_refused(disk: LocalFolders, folder: Path) -> None:
    folder.mkdir(parents=True)
    assert "neither model.bin" in await refusal(disk)
    write_pyannote(folder)
    (folder / "model.bin").write_bytes(ct2_model())
    assert "both" in await refusal(disk)
