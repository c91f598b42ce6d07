"""A Whisper model in CTranslate2's layout: model.bin, config.json, tokenizer.json, vocabulary.json or vocabulary.txt.

Capabilities come from the files: the size of the vocabulary tells whether the model is multilingual (as in
openai/whisper's `is_multilingual` and CTranslate2), and its language tokens tell which languages it knows. A decoder
with fewer layers than the encoder is a pruned one (turbo, distil), which was not trained to translate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from locution_speech.capabilities import Capabilities
from locution_speech.languages import from_whisper

from ...domain.errors import ModelLayoutInvalid
from ...domain.models import Kind, Layout
from ..tree import Folder
from . import documents
from .ctranslate2 import Header, read_header

MODEL: Final = "model.bin"
CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer.json"
VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")

MULTILINGUAL_VOCABULARY: Final = 51_865
"""Minimum tokens of a multilingual Whisper; English-only models have 51,864."""

_CONFIG_BYTES: Final = 1024 * 1024
_TEXT_BYTES: Final = 16 * 1024 * 1024
_START, _PREVIOUS = "<|startoftranscript|>", "<|startofprev|>"
_SPECIAL: Final = (_START, "<|translate|>", "<|transcribe|>", "<|notimestamps|>")
_LANGUAGE: Final = re.compile(r"<\|([a-z]{2,3})\|>")
_LAYER: Final = re.compile(r"(encoder|decoder)/layer_(\d+)/")
_EMBEDDINGS: Final = "decoder/embeddings/weight"


def inspect(folder: Folder) -> Layout:
    """Return the layout of a Whisper folder. Raises ModelLayoutInvalid with the fault."""
    header = _header(folder)
    config = documents.json_object(folder, CONFIG, _CONFIG_BYTES)
    if "model" not in documents.json_object(folder, TOKENIZER, _TEXT_BYTES):
        raise ModelLayoutInvalid(f"{TOKENIZER} is no tokenizer's")
    vocabulary = _vocabulary(folder, header)
    return Layout(Kind.ASR, "faster-whisper", "ctranslate2-whisper", _capabilities(header, config, vocabulary))


def _header(folder: Folder) -> Header:
    with folder.open(MODEL) as file:
        header = read_header(file, folder.stamps[MODEL].size_bytes)
    if header.spec != "WhisperSpec":
        raise ModelLayoutInvalid(f"{MODEL} holds {header.spec[:64]!r}, not Whisper")
    if not (_layers(header, "encoder") and _layers(header, "decoder") and header.shapes.get(_EMBEDDINGS)):
        raise ModelLayoutInvalid(f"{MODEL} has no layers or no embeddings")
    return header


def _vocabulary(folder: Folder, header: Header) -> list[str]:
    name = next((name for name in VOCABULARIES if name in folder.stamps), None)
    if name is None:
        raise ModelLayoutInvalid(f"there is neither {' nor '.join(VOCABULARIES)}")
    tokens = _tokens(folder, name)
    if missing := [token for token in _SPECIAL if token not in tokens]:
        raise ModelLayoutInvalid(f"{name} has no token {missing[0]}")
    if len(tokens) > header.shapes[_EMBEDDINGS][0]:
        raise ModelLayoutInvalid(f"{name} has {len(tokens)} tokens, {MODEL} but {header.shapes[_EMBEDDINGS][0]}")
    return tokens


def _tokens(folder: Folder, name: str) -> list[str]:
    if name.endswith(".txt"):
        return documents.text(folder, name, _TEXT_BYTES).removesuffix("\n").split("\n")
    tokens = documents.json_value(folder, name, _TEXT_BYTES)
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ModelLayoutInvalid(f"{name} is no list of tokens")
    return tokens


def _capabilities(header: Header, config: Mapping[str, object], vocabulary: Sequence[str]) -> Capabilities:
    multilingual = len(vocabulary) >= MULTILINGUAL_VOCABULARY
    pruned = _layers(header, "decoder") < _layers(header, "encoder")
    return Capabilities(
        languages=_languages(config, vocabulary) if multilingual else ("en",),
        language_detection=multilingual,
        translation=multilingual and not pruned,
        word_times=_aligns(config, _layers(header, "decoder")),
        prompt=_PREVIOUS in vocabulary,
    )


def _languages(config: Mapping[str, object], vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Return the language codes of the tokens in `lang_ids`, else of those after the start token."""
    numbered = config.get("lang_ids")
    if isinstance(numbered, list) and numbered:
        tokens = [_token(vocabulary, number) for number in numbered]
    else:
        start = vocabulary.index(_START) + 1
        tokens = list(vocabulary[start : vocabulary.index("<|translate|>", start)])
    matches = [_LANGUAGE.fullmatch(token) for token in tokens]
    codes = tuple(from_whisper(match[1]) for match in matches if match)
    if not codes or len(codes) != len(tokens):
        raise ModelLayoutInvalid("the vocabulary has other tokens where its languages should be")
    return codes


def _token(vocabulary: Sequence[str], number: object) -> str:
    return vocabulary[number] if isinstance(number, int) and 0 <= number < len(vocabulary) else ""


def _aligns(config: Mapping[str, object], layers: int) -> bool:
    """Tell whether the configuration has alignment heads, pairs of layer and head; refuses invalid ones."""
    heads = config.get("alignment_heads")
    if not heads:
        return False
    if not isinstance(heads, list) or not all(_is_head(head, layers) for head in heads):
        raise ModelLayoutInvalid(f"{CONFIG} names alignment heads that the model does not have")
    return True


def _is_head(head: object, layers: int) -> bool:
    match head:
        case [int(layer), int(number)]:
            return 0 <= layer < layers and number >= 0
        case _:
            return False


def _layers(header: Header, stack: str) -> int:
    matches = [_LAYER.match(name) for name in header.shapes]
    return len({match[2] for match in matches if match and match[1] == stack})
