"""alternative.me: text that must be numbers, an error with status 200, never an invented 50."""

import json

import pytest
import pytest_asyncio

from markets.providers.fear_greed import FearGreedRest
from markets.providers.rows import MoodRow
from mystic.lib.http import Malformed
from tests.servers_feeds import FearGreedServer

pytestmark = pytest.mark.asyncio
DAY = 1_795_219_200
# The documented answer.
TOLD = {
    "name": "Fear and Greed Index",
    "data": [
        {
            "value": "47",
            "value_classification": "Neutral",
            "timestamp": "1795219200",
            "time_until_update": "40211",
        },
        {"value": "33", "value_classification": "Fear", "timestamp": "1795132800"},
    ],
    "metadata": {"error": None},
}


@pytest_asyncio.fixture
async def server():
    async with FearGreedServer() as one:
        yield one


@pytest_asyncio.fixture
async def rest(server):
    one = FearGreedRest(server.rest_url)
    yield one
    await one.aclose()


def speak(server, **changes):
    server.fail("/fng/", body=json.dumps(TOLD | changes).encode())


async def test_the_documented_answer(rest, server):
    speak(server)
    found = await rest.index(30)
    assert found.rows == [MoodRow(DAY - 86_400, 33.0, "Fear"), MoodRow(DAY, 47.0, "Neutral")]
    assert found.next_in_s == 40_211
    assert server.requests[0].value("limit") == "30"
    assert rest.source == "replay:fear_greed"


async def test_an_error_with_status_200_is_an_error(rest, server):
    speak(server, metadata={"error": "Too many requests"})
    with pytest.raises(Malformed, match="says: Too many requests"):
        await rest.index(1)


@pytest.mark.parametrize("data", [None, []])
async def test_no_value_is_no_value(rest, server, data):
    speak(server, data=data)
    with pytest.raises(Malformed, match="no value"):
        await rest.index(1)


@pytest.mark.parametrize(
    "change",
    [
        {"value": "fifty"},
        {"value": ""},
        {"value": "101"},
        {"value": "-1"},
        {"value": "nan"},
        {"timestamp": "soon"},
        {"timestamp": "1795219201"},
        {"timestamp": "-86400"},
        {"timestamp": "99999999999999"},
    ],
)
async def test_a_value_that_cannot_be_condemns_the_answer(rest, server, change):
    speak(server, data=[TOLD["data"][0] | change])
    with pytest.raises(Malformed):
        await rest.index(1)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [("40211", 40211), (7, 7), ("-5", None), ("soon", None), (None, None), ("9999999", 172_800)],
)
async def test_the_time_until_the_next_value_is_believed_where_it_can_be(
    rest, server, told, wanted
):
    speak(server, data=[TOLD["data"][0] | {"time_until_update": told}])
    assert (await rest.index(1)).next_in_s == wanted
