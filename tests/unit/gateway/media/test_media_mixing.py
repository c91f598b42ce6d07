"""Several channels become one: nothing cancels, a dead channel costs no level, and no change is heard."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
import pytest
from locution.v1 import job_service_pb2 as pb
from locution_gateway.jobs.convert import warning_to_proto
from locution_gateway.jobs.models import JobWarning, WarningCode
from locution_gateway.media.mixing import LIVE_WINDOW, WINDOW, Cancelled
from locution_gateway.media.models import WarningReason
from locution_gateway.media.resample import Resampler

from tests.data.media_files import RATE, tone

Channel = npt.NDArray[np.float32]
QUIET = 0.5**0.5


def mixed(
    channels: list[Channel], layout: str = "", *, window: int = WINDOW
) -> tuple[npt.NDArray[np.int64], Cancelled | None]:
    """Mix channels at 16 kHz, given in frames of 1000 samples."""
    layout = layout or ("stereo" if len(channels) == 2 else f"{len(channels)} channels")
    resampler, output = None, b""
    for at in range(0, len(channels[0]), 1000):
        part = np.ascontiguousarray(np.stack([channel[at : at + 1000] for channel in channels], axis=1).reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(part, format="flt", layout=layout)
        frame.sample_rate = RATE
        resampler = resampler or Resampler(frame, "mono", 1, window)
        output += b"".join(resampler.push(frame))
    assert resampler is not None
    output += b"".join(resampler.finish())
    samples = np.frombuffer(output, "<i2").astype(int)
    assert len(samples) == len(channels[0])
    return samples, resampler.cancelled


def level(samples: npt.NDArray[np.int64], start: float = 0.0, end: float | None = None) -> float:
    """Give the amplitude of a tone between two seconds."""
    part = samples[round(start * RATE) : None if end is None else round(end * RATE)]
    return float(np.sqrt((part.astype(float) ** 2).mean()) * 2**0.5 / 32_768)


def noise(seconds: float, amplitude: float, seed: int = 1) -> Channel:
    return (np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * amplitude).astype(np.float32)


@pytest.mark.parametrize("gain", [-1.0, -0.89, -0.6])
@pytest.mark.parametrize("window", [WINDOW, LIVE_WINDOW])
def test_an_inverted_channel_takes_nothing_away(gain: float, window: int) -> None:
    sound = tone(4) + noise(4, 0.05)
    samples, cancelled = mixed([sound, (sound * gain).astype(np.float32)], window=window)
    assert np.abs(samples - np.round(sound * 32_768)).max() <= 1
    assert cancelled is not None
    assert (cancelled.first, cancelled.count) == (0, 4 * RATE // window)


def test_many_channels_that_cancel_leave_their_loudest() -> None:
    sound = tone(3)
    half = (sound / -2).astype(np.float32)
    samples, cancelled = mixed([sound, half, half, np.zeros_like(sound)], "4 channels")
    assert level(samples) == pytest.approx(0.3, rel=0.01)
    assert cancelled is not None


@pytest.mark.parametrize("hiss", [0.0, 0.0003])
def test_a_dead_channel_costs_no_level(hiss: float) -> None:
    samples, cancelled = mixed([tone(4), noise(4, hiss)])
    assert level(samples) == pytest.approx(0.3, rel=0.01)
    assert cancelled is None


def test_a_channel_that_is_dead_at_first_counts_from_when_it_lives() -> None:
    silence = np.zeros(3 * RATE, np.float32)
    samples, _ = mixed([np.concatenate([tone(3), silence, tone(3)]), np.concatenate([silence, tone(3), silence])])
    assert level(samples, 0.1, 2.9) == pytest.approx(0.3, rel=0.01)
    assert level(samples, 3.1, 5.9) == pytest.approx(0.15, rel=0.01)
    assert level(samples, 6.1, 8.9) == pytest.approx(0.15, rel=0.01)


def test_a_pause_kills_no_channel() -> None:
    left, right = tone(2), tone(2, hertz=700)
    silence = np.zeros(60 * RATE, np.float32)
    samples, _ = mixed(
        [np.concatenate([left, left * 0, silence, left]), np.concatenate([right * 0, right, silence, right])]
    )
    assert level(samples, 64.1, 65.9) == pytest.approx(0.15 * 2**0.5, rel=0.01)


def test_speech_in_the_centre_of_surround_keeps_its_level() -> None:
    silence = np.zeros(3 * RATE, np.float32)
    samples, _ = mixed([silence, silence, tone(3), silence, silence, silence], "5.1")
    assert level(samples) == pytest.approx(0.3, rel=0.01)


def test_surround_that_lives_is_weighted() -> None:
    sound = [tone(3, hertz=hertz) for hertz in (300, 400, 500, 600, 700, 800)]
    samples, cancelled = mixed(sound, "5.1")
    spectrum = np.abs(np.fft.rfft(samples[RATE : 2 * RATE])) / (RATE / 2) / 32_768 / 0.3
    whole = 1 + 2 * QUIET + 2 * 0.5
    expected = [QUIET / whole, QUIET / whole, 1 / whole, 0, 0.5 / whole, 0.5 / whole]
    assert spectrum[300:900:100] == pytest.approx(expected, abs=0.01)
    assert cancelled is None


def test_a_centre_against_its_sides_does_not_cancel() -> None:
    sound, silence = tone(3), np.zeros(3 * RATE, np.float32)
    samples, cancelled = mixed([-sound, -sound, sound, silence, silence, silence], "5.1")
    assert level(samples) == pytest.approx(0.3, rel=0.01)
    assert cancelled is not None


@pytest.mark.parametrize("count", [2, 3, 6, 9, 11, 13, 15, 17, 24, 33, 64])
def test_any_number_of_channels_is_mixed_by_the_mean(count: int) -> None:
    channels = [noise(1.5, 0.1, seed) for seed in range(count)]
    samples, cancelled = mixed(channels, f"{count} channels")
    assert np.abs(samples - np.mean(channels, axis=0) * 32_768).max() <= 1
    assert cancelled is None


def test_one_who_speaks_among_many_microphones_does_not_cancel() -> None:
    channels = [noise(3, 0.01, seed) for seed in range(16)]
    channels[7] = channels[7] + tone(3)
    samples, cancelled = mixed(channels)
    assert level(samples) == pytest.approx(0.3 / 16, rel=0.05)
    assert cancelled is None


def test_stretches_are_decided_apart_and_joined_without_a_click() -> None:
    sound = tone(12, hertz=200)
    sign = np.ones(len(sound), np.float32)
    sign[4 * RATE : 8 * RATE] = -1
    samples, cancelled = mixed([sound, sound * sign])
    assert level(samples, 0, 4) == pytest.approx(0.3, rel=0.01)
    assert level(samples, 4.02, 8) == pytest.approx(0.3, rel=0.01)
    assert level(samples, 8.02) == pytest.approx(0.3, rel=0.01)
    assert cancelled is not None
    assert (cancelled.first, cancelled.count) == (4 * RATE, 4)
    step = np.abs(np.diff(np.round(sound * 32_768))).max()
    assert np.abs(np.diff(samples)).max() < 1.5 * step


def test_what_is_near_the_limit_does_not_alternate() -> None:
    sound, gains = tone(20), [-0.45, -0.55, -0.45, -0.55] * 5
    gain = np.repeat(np.array(gains, np.float32), RATE)
    _, cancelled = mixed([sound, sound * gain])
    assert cancelled is not None
    samples, _ = mixed([sound, sound * gain])
    assert level(samples, 2) == pytest.approx(0.3, rel=0.01)


def test_hum_that_cancels_in_pauses_is_no_warning() -> None:
    hum = tone(6, hertz=50, level=0.002)
    speech = np.concatenate([tone(2), np.zeros(2 * RATE, np.float32), tone(2)])
    assert mixed([speech + hum, speech - hum])[1] is None


def test_the_last_few_samples_decide_nothing() -> None:
    rest = np.full(50, 0.3, np.float32)
    assert mixed([np.concatenate([tone(2), rest]), np.concatenate([tone(2), -rest])])[1] is None


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_samples_that_are_no_numbers_break_nothing(value: float) -> None:
    broken = tone(4)
    broken[RATE : RATE + 100] = value
    samples, _ = mixed([broken, tone(4)])
    assert level(samples, 2.1) > 0.1


@pytest.mark.parametrize("reason", WarningReason)
def test_a_job_can_warn_of_everything_that_media_warns_of(reason: WarningReason) -> None:
    message = warning_to_proto(JobWarning(WarningCode(reason), "at 1.0 s"))
    assert pb.JobWarning.Code.Name(message.code) == f"CODE_{reason}"
