from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
import pytest
from locution_gateway.media.resample import Resampler

from tests.data.media_files import tone

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def resample(
    channels: list[npt.NDArray[np.float32]], rate: int, *, keep: bool = False, layout: str | None = None
) -> npt.NDArray[np.int16]:
    """Convert float channels in frames of 1000 samples; return shape (samples, output channels)."""
    layout = layout or LAYOUTS[len(channels)]
    width = len(channels) if keep else 1
    resampler, output = None, b""
    for at in range(0, len(channels[0]), 1000):
        data = np.ascontiguousarray(np.stack([channel[at : at + 1000] for channel in channels]))
        frame = av.AudioFrame.from_ndarray(data, format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = resampler or Resampler(frame, layout if keep else "mono", width)
        assert resampler.fits(frame)
        output += b"".join(resampler.push(frame))
    assert resampler is not None
    output += b"".join(resampler.finish())
    return np.frombuffer(output, "<i2").reshape(-1, width)


@pytest.mark.parametrize("rate", [4000, 8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("extra", [0, 7, 333])
def test_counts_are_exact(rate: int, extra: int) -> None:
    for samples in (1, 5, 100, rate + extra):
        assert len(resample([np.full(samples, 0.1, np.float32)], rate)) == -(-samples * 16_000 // rate)


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_time_is_kept(rate: int) -> None:
    impulse = np.zeros(2 * rate, np.float32)
    impulse[rate] = 1.0
    assert int(np.argmax(np.abs(resample([impulse], rate)[:, 0].astype(int)))) == 16_000


def level(samples: npt.NDArray[np.int16]) -> float:
    """Give the level in dB of a full-scale sine, away from the edges."""
    inner = samples[2000:-2000].astype(float)
    return float(20 * np.log10(np.sqrt((inner**2).mean()) / (32768 / 2**0.5) + 1e-12))


def test_the_band_is_kept_and_what_lies_above_is_not_folded_in() -> None:
    for hertz in (300, 1000, 3000, 6000):
        assert level(resample([tone(2, 44_100, hertz, 0.5)], 44_100)[:, 0]) == pytest.approx(-6.02, abs=0.2)
    for hertz in (9000, 12_000, 20_000):
        assert level(resample([tone(2, 44_100, hertz, 0.5)], 44_100)[:, 0]) < -60


def test_stereo_is_averaged_and_never_clips() -> None:
    left, right = np.full(8000, 0.5, np.float32), np.full(8000, -0.25, np.float32)
    assert np.all(np.abs(resample([left, right], 16_000)[:, 0].astype(int) - 4096) <= 1)
    for count in LAYOUTS:
        assert resample([np.ones(8000, np.float32)] * count, 16_000).min() > 32_700


def test_channels_without_names_are_mixed_too() -> None:
    channels = [np.full(8000, 0.5, np.float32)] * 3
    assert np.all(np.abs(resample(channels, 16_000, layout="3 channels")[:, 0].astype(int) - 16_384) <= 1)


def test_separate_channels_stay_apart() -> None:
    left, right = np.full(8000, 0.5, np.float32), np.full(8000, -0.25, np.float32)
    both = resample([left, right], 16_000, keep=True)
    assert both.shape == (8000, 2)
    assert np.all(both == [16_384, -8192])
