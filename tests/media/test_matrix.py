"""Every container and codec that people have: its sound is where it was, and a file that was cut off is
reported as truncated.

`make test` runs a row of each kind of these in tests/service/gateway/media.
"""

from __future__ import annotations

import pytest

from tests.data import media_files as files
from tests.data.bursts import SECONDS, STARTS, bursts
from tests.data.quirky_media import hole, mux
from tests.media.matrix import CUT, FILMS, OUTLASTED, SOUND, WITH_HOLES, WITH_VIDEO
from tests.service.gateway.media import places
from tests.service.gateway.media.places import film, heard, sent, toned


@pytest.mark.parametrize(("container", "codec", "rate", "channels", "options"), SOUND, ids=places.name)
async def test_sound_is_where_it_was(
    container: str, codec: str, rate: int, channels: int, options: dict[str, str]
) -> None:
    await places.assert_in_place(files.encode(container, codec, [bursts(rate)] * channels, rate, **options))


@pytest.mark.parametrize(("container", "video", "codec", "rate"), FILMS)
async def test_the_sound_of_films_is_where_it_was(container: str, video: str, codec: str, rate: int) -> None:
    await places.assert_in_place(film(container, video, codec, rate))


@pytest.mark.parametrize(("container", "codec", "rate", "options"), CUT, ids=places.name)
async def test_a_container_decodes_and_its_cut_half_warns(
    container: str, codec: str, rate: int, options: dict[str, str]
) -> None:
    await places.assert_whole_and_its_cut_half_warns(toned(container, codec, rate, options))


@pytest.mark.parametrize(("container", "codec"), WITH_VIDEO)
async def test_sound_that_starts_behind_the_picture_is_late(container: str, codec: str) -> None:
    data = mux(container, [sent(codec, start=4.9)], video=12)
    await heard(data, [start + 4.9 for start in STARTS], 12)


@pytest.mark.parametrize("seconds", [7.3, 0.12])
@pytest.mark.parametrize(("container", "codec"), WITH_HOLES)
async def test_a_hole_is_silence(container: str, codec: str, seconds: float) -> None:
    data = mux(container, [sent(codec, shift=hole(3.5, seconds))])
    await heard(data, [1.0, 2.5, 4.2 + seconds], SECONDS + seconds)


@pytest.mark.parametrize(("container", "codec"), OUTLASTED)
async def test_a_picture_that_outlasts_the_sound_is_part_of_the_recording(container: str, codec: str) -> None:
    await heard(mux(container, [sent(codec)], video=20), STARTS, 20)
