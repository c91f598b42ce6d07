"""The queue's order: class, urgency, fairness, shape, removal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable
from dataclasses import dataclass

import pytest
from locution_speech.engine.models import Flow, FlowKey, TrafficClass
from locution_speech.engine.queue import Room, WindowQueue

LIVE, FILE = TrafficClass.LIVE, TrafficClass.FILE
A = FlowKey("a")


@dataclass(frozen=True, eq=False)
class Item:
    key: FlowKey = A
    share: int = 1
    traffic: TrafficClass = FILE
    deadline: float | None = None
    cost: float = 30.0
    shape: Hashable = "full"
    batch_size: int = 1

    @property
    def flow(self) -> Flow:
        return Flow(self.key, self.share, self.traffic, self.deadline)


def filled(*items: Item, mix_classes: bool = False) -> WindowQueue[Item]:
    queue: WindowQueue[Item] = WindowQueue(mix_classes=mix_classes)
    for item in items:
        queue.push(item)
    return queue


def drained(queue: WindowQueue[Item], now: float = 0.0) -> list[Item]:
    order = []
    while batch := queue.take(now):
        order += batch
    return order


def test_one_flow_keeps_its_order() -> None:
    items = [Item() for _ in range(5)]
    assert drained(filled(*items)) == items


def test_live_goes_before_file_however_late_it_came() -> None:
    files, live = [Item() for _ in range(3)], Item(traffic=LIVE)
    assert drained(filled(*files, live))[0] is live


def test_flows_share_by_audio_seconds_not_by_windows() -> None:
    short = [Item(FlowKey("short"), cost=10.0) for _ in range(30)]
    long = [Item(FlowKey("long"), cost=30.0) for _ in range(10)]
    served: dict[str, float] = defaultdict(float)
    for item in drained(filled(*short, *long))[:20]:
        served[item.key] += item.cost
    assert abs(served["short"] - served["long"]) <= 30.0


def test_a_share_of_three_gets_three_times_as_much() -> None:
    light = [Item(FlowKey("light")) for _ in range(40)]
    heavy = [Item(FlowKey("heavy"), share=3) for _ in range(40)]
    first = Counter(item.key for item in drained(filled(*light, *heavy))[:40])
    assert first[FlowKey("heavy")] == pytest.approx(30, abs=1)


def test_a_newcomer_waits_for_no_backlog_and_has_no_credit_for_the_past() -> None:
    queue = filled(*(Item(FlowKey("old")) for _ in range(20)))
    for _ in range(10):
        queue.take(0.0)
    for _ in range(10):
        queue.push(Item(FlowKey("new")))
    order = [item.key for item in drained(queue)]
    assert order[:10].count(FlowKey("new")) in range(4, 7)


def test_an_urgent_deadline_goes_first_within_its_class() -> None:
    calm, urgent = [Item() for _ in range(3)], Item(deadline=11.0)
    live = Item(traffic=LIVE)
    assert drained(filled(*calm, urgent, live), now=10.0)[:2] == [live, urgent]
    assert drained(filled(*calm, Item(deadline=100.0)), now=10.0)[:3] == calm


def test_a_batch_holds_one_shape_from_any_flow() -> None:
    mine = [Item(FlowKey("a"), batch_size=4, shape="short"), Item(FlowKey("a"), batch_size=4, shape="full")]
    theirs = [Item(FlowKey("b"), batch_size=4, shape="full"), Item(FlowKey("c"), batch_size=4, shape="short")]
    queue = filled(*mine, *theirs)
    first, second = queue.take(0.0), queue.take(0.0)
    assert {item.shape for item in first} == {"short"}
    assert {item.shape for item in second} == {"full"}
    assert len(first) == len(second) == 2


def test_a_batch_is_no_larger_than_its_model_allows() -> None:
    queue = filled(*(Item(FlowKey(str(i)), batch_size=4) for i in range(10)))
    assert [len(queue.take(0.0)) for _ in range(3)] == [4, 4, 2]


@pytest.mark.parametrize(("mix", "sizes"), [(False, [1, 2]), (True, [3])])
def test_file_work_fills_live_batches_only_where_that_costs_nothing(mix: bool, sizes: list[int]) -> None:
    items = [Item(traffic=LIVE, batch_size=4), Item(batch_size=4), Item(FlowKey("b"), batch_size=4)]
    queue = filled(*items, mix_classes=mix)
    assert [len(queue.take(0.0)) for _ in sizes] == sizes


def test_a_removed_item_is_gone_and_its_cost_with_it() -> None:
    items = [Item(), Item(FlowKey("b"))]
    queue = filled(*items)
    assert queue.remove(items[0])
    assert not queue.remove(items[0])
    assert queue.cost == items[1].cost
    assert drained(queue) == items[1:]


def test_flows_are_forgotten_when_idle() -> None:
    queue: WindowQueue[Item] = WindowQueue()
    for i in range(1000):
        item = Item(FlowKey(f"flow-{i}"))
        queue.push(item)
        if i % 2:
            queue.remove(item)
        else:
            queue.take(0.0)
    assert len(queue) == 0
    assert queue.cost == 0
    assert queue.flows <= 1


def test_of_flows_whose_turn_it_is_the_one_with_the_least_work_goes_first() -> None:
    items = [Item(FlowKey(f"f{cost}"), cost=cost) for cost in (12.0, 7.0, 9.0)]
    assert [item.cost for item in drained(filled(*items))] == [7.0, 9.0, 12.0]


def test_an_empty_queue_costs_exactly_nothing() -> None:
    queue = filled(*(Item(FlowKey(f"f{number}"), cost=0.1 * number) for number in range(1, 8)))
    assert queue.cost == pytest.approx(2.8)
    drained(queue)
    assert queue.cost == 0.0


def test_room_limits_a_batch_by_its_class_and_nothing_holds_a_class_back() -> None:
    queue = filled(*(Item(FlowKey(str(i)), batch_size=4) for i in range(6)), Item(traffic=LIVE, batch_size=4))
    assert [item.traffic for item in queue.take(0.0, Room(files=0))] == [LIVE]
    assert queue.take(0.0, Room(files=0)) == []
    assert len(queue.take(0.0, Room(live=1, files=3))) == 3
    assert len(queue.take(0.0, Room(live=1))) == 3


def test_room_limits_a_batch_by_its_cost_but_for_its_first_item() -> None:
    queue = filled(*(Item(FlowKey(str(i)), cost=cost, batch_size=4) for i, cost in enumerate([20.0, 20.0, 30.0, 30.0])))
    taken = [[item.cost for item in queue.take(0.0, Room(cost=queue.cost / 2))] for _ in range(3)]
    assert taken == [[20.0, 20.0], [30.0], [30.0]]
