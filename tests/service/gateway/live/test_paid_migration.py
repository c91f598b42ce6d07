"""Jobs that live sessions became before the column was there say in it what was paid."""

from __future__ import annotations

import asyncpg
from locution.v1 import live_service_pb2 as pb
from locution_gateway.commands import migrations_folder

from tests.service.gateway.live.conftest import House
from tests.service.gateway.live.talk import config, noise

FILE = "20261121000013_paid_samples.sql"


async def test_jobs_of_before_the_column_are_marked(house: House) -> None:
    owner: asyncpg.Connection = house.gateway.owner
    audio = noise(3.0)
    talk = await house.speaker.whole(audio, config(afterwards=pb.LiveConfig.AFTERWARDS_JOB))
    upload = await house.gateway.client.upload(b"sound")
    await house.gateway.client.job(upload.name)
    assert talk.done is not None
    up, _, down = (migrations_folder() / FILE).read_text().partition("-- migrate:down")
    await owner.execute(down)
    await owner.execute(up)
    rows = await owner.fetch("SELECT job_id, paid_samples FROM gateway.jobs ORDER BY paid_samples NULLS LAST")
    assert [row["paid_samples"] for row in rows] == [len(audio), None]
    assert str(rows[0]["job_id"]) == talk.done.job.split("/")[1]
