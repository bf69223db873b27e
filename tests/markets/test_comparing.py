"""A second source is asked for its prices while the first is in use, and they are compared."""

import asyncio

import pytest

from markets.providers.base import TickerRow
from markets.services import agreement
from markets.streaming import comparing as comparing_module
from markets.streaming.comparing import Comparing
from mystic.lib.http import Unreachable


class Row:
    def __init__(self, pk):
        self.pk = pk


class Rest:
    def __init__(self):
        self.asked = []
        self.faults = []

    def native_id(self, symbol):
        return symbol.replace("/", "-")

    async def prices(self, native_ids):
        self.asked.append(native_ids)
        if self.faults:
            raise self.faults.pop()
        nothing = (None,) * 8
        return [
            TickerRow("BTC-USDT", 101.0, *nothing),
            TickerRow("ETH-USDT", 9.0, *nothing, is_delayed=True),
            TickerRow("BTC-USD", 100.0, *nothing),
        ]


@pytest.fixture
def seen(monkeypatch):
    found = []
    monkeypatch.setattr(comparing_module, "observe_price", lambda *told: found.append(told[:3]))
    monkeypatch.setattr(comparing_module, "COMPARE_EVERY_S", 0.02)
    return found


def comparing(rest, **more):
    rows = {"BTC/USDT": Row(7), "ETH/USDT": Row(8)}
    given = {"is_wanted": lambda: True, "instruments": lambda: rows} | more
    return Comparing(rest, code="coinbase", **given)


def test_only_the_same_pair_is_compared_and_nothing_delayed(seen):
    rest = Rest()
    asyncio.run(comparing(rest).look())
    assert seen == [(7, "coinbase", 101.0)]
    assert rest.asked == [["BTC-USDT", "ETH-USDT"]]
    asyncio.run(comparing(rest, instruments=dict).look())
    assert len(rest.asked) == 1


def test_it_asks_only_while_it_is_wanted_and_survives_a_fault(seen):
    rest, is_wanted = Rest(), []
    rest.faults = [Unreachable("no answer")]

    async def run():
        one = comparing(rest, is_wanted=lambda: bool(is_wanted))
        task = asyncio.create_task(one.run())
        await asyncio.sleep(0.1)
        assert rest.asked == []
        is_wanted.append(True)
        async with asyncio.timeout(10):
            while one.counts["compared_prices"] < 2:  # noqa: ASYNC110  there is no event for it
                await asyncio.sleep(0.01)
        task.cancel()
        return one.counts["compare_failures"]

    assert asyncio.run(run()) == 1
    assert (7, "coinbase", 101.0) in seen


def test_the_agreement_hears_it():
    agreement.watch.forget()
    rest = Rest()
    asyncio.run(comparing(rest).look())
    assert (7, "coinbase") in agreement.watch._looked
    agreement.watch.forget()


def test_an_answer_that_cannot_be_read_ends_nothing(seen):
    rest = Rest()
    rest.faults = [KeyError("price")]

    async def run():
        task = asyncio.create_task(comparing(rest).run())
        async with asyncio.timeout(10):
            while not seen:
                assert not task.done(), task
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert seen[0] == (7, "coinbase", 101.0)
