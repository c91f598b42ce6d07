from __future__ import annotations

from locution_common.errors import Reason
from locution_gateway.live.models import Ack, Partial
from locution_gateway.live.outbox import ROOM, Outbox

from tests.support.refusals import refusal


async def test_a_client_that_reads_nothing_is_refused_once_its_room_is_full() -> None:
    outbox = Outbox(patience=0.05)
    for number in range(ROOM):
        await outbox.put(Ack(number))
    with refusal(Reason.LIVE_CLIENT_TOO_SLOW) as caught:
        await outbox.put(Ack(ROOM))
    assert caught.value.reason == "LIVE_CLIENT_TOO_SLOW"
    assert await outbox.get() == Ack(0)
    await outbox.put(Ack(ROOM))


async def test_partials_take_no_room_and_the_last_one_stands() -> None:
    outbox = Outbox(patience=0.05)
    for number in range(ROOM * 10):
        await outbox.put(Partial(1, (), str(number)))
    assert await outbox.get() == Partial(1, (), str(ROOM * 10 - 1))
    await outbox.close()
    assert await outbox.get() is None
