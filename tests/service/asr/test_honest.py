"""Where nobody speaks there are no words, whichever way the model decodes."""

from __future__ import annotations

import pytest
from locution.engine.v1 import asr_service_pb2 as pb

from tests.service.asr.client import RATE, start
from tests.service.asr.conftest import Stack
from tests.service.asr.recordings import pcm, recording
from tests.service.asr.test_transcribe import assert_whole

pytestmark = pytest.mark.asyncio(loop_scope="package")

MADE = ("digital silence", "tones", "music", "fan noise")
RECORDED = ("silence_8s.wav", "noise_dishes.wav")


@pytest.mark.parametrize("preference", [pb.DECODE_PREFERENCE_ACCURATE, pb.DECODE_PREFERENCE_FAST_UNQUALIFIED])
@pytest.mark.parametrize("model", ["whisper/tiny.en", "whisper/base"])
async def test_nothing_said_gives_no_words(
    shared: Stack, model: str, preference: pb.DecodePreference.ValueType
) -> None:
    from tests.bench.recipes import made_without_words

    made = made_without_words(15.0)
    sounds = {name: made[name] for name in MADE} | {name: pcm(recording(name)) for name in RECORDED}
    for name, sound in sounds.items():
        result = await shared.client.transcribe(sound, start(model, decode_preference=preference))
        assert result.text == "", name
        assert_whole(result, len(sound))
        assert {span.outcome for span in result.done.coverage} <= {
            pb.AsrCoverageSpan.OUTCOME_NO_SPEECH,
            pb.AsrCoverageSpan.OUTCOME_DROPPED,
        }
        assert result.done.text_speech_sample_count == 0


async def test_the_share_of_speech_that_gave_text_is_told(shared: Stack) -> None:
    result = await shared.client.transcribe(pcm(recording("jfk.wav")))
    assert result.done.HasField("text_speech_sample_count")
    assert 6 * RATE < result.done.text_speech_sample_count <= result.done.speech_sample_count
