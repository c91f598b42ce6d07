"""One grammar of durations, with the bounds of the proto, for every option and value that takes one."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta

import pytest
from locution.v1.account_service_pb2 import RotateApiKeyRequest
from locution.v1.job_service_pb2 import EstimateJobRequest
from locution_client.cli import exit_codes
from locution_client.cli.durations import LONGEST, duration, read, written

from tests.unit.client.conftest import Command


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("36h", 129_600),
        ("7d", 604_800),
        ("1h30m", 5400),
        ("1h0.5s", 3600.5),
        ("1d2h3m4s", 93_784),
        ("0s", 0),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert read(text) == timedelta(seconds=seconds)
    assert duration()(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "s", "x", "-1h", "1w", "30m1h", "1.5h", "1 h", "1h 30m", "1e3s", "٣h"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"not a duration\. Use for example 90s, 15m, 36h, 7d or 1h30m\."):
        read(text)


def test_both_bounds_of_the_proto_are_checked_and_named() -> None:
    overlap = duration(RotateApiKeyRequest, "overlap")
    assert (overlap("0s"), overlap("30d")) == (timedelta(), timedelta(days=30))
    with pytest.raises(ArgumentTypeError, match="at least 0s and at most 30d"):
        overlap("30d1s")
    audio = duration(EstimateJobRequest, "audio_duration")
    with pytest.raises(ArgumentTypeError, match="more than 0s and at most 36500d"):
        audio("0s")
    with pytest.raises(ArgumentTypeError, match="at most 36500d"):
        audio("36500d1s")
    assert audio("36500d") == LONGEST


@pytest.mark.parametrize("text", ["99999999999d", "9" * 400 + "s"])
def test_what_no_clock_can_hold_is_out_of_range(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="out of range"):
        duration()(text)


def test_bounds_are_written_in_their_largest_unit() -> None:
    lengths = [timedelta(days=7), timedelta(hours=36), timedelta(minutes=90), timedelta(seconds=0.2), timedelta()]
    assert [written(length) for length in lengths] == ["7d", "36h", "90m", "0.2s", "0s"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["jobs", "estimate", "--audio"],
        ["keys", "create", "--expires"],
        ["keys", "rotate", "k", "--overlap"],
        ["users", "invite", "a@b.example", "--ttl"],
        ["webhooks", "rotate-secret", "w", "--overlap"],
        ["live", "-", "--silence"],
    ],
)
@pytest.mark.parametrize("wrong", ["soon", "99999d"])
async def test_every_option_refuses_what_is_wrong(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], wrong: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        await command(*arguments, wrong)
    assert ended.value.code == exit_codes.USAGE
    assert f"'{wrong}' is {'not a duration' if wrong == 'soon' else 'out of range'}" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["settings", "set", "retention="], ["quotas", "set", "audio_duration_per_day="]])
@pytest.mark.parametrize("wrong", ["soon", "99999d"])
async def test_every_value_refuses_what_is_wrong(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], wrong: str
) -> None:
    *verb, name = arguments
    assert await command(*verb, name + wrong) == exit_codes.USAGE
    assert f"'{wrong}' is {'not a duration' if wrong == 'soon' else 'out of range'}" in capsys.readouterr().err
