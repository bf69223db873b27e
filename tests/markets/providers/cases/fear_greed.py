"""alternative.me's request among the faults."""

from markets.providers.fear_greed import FearGreedRest
from tests.markets.providers.conformance import Case, quick_client
from tests.servers_feeds import FearGreedServer

DAY = 1_795_219_200


def healthy() -> FearGreedServer:
    server = FearGreedServer()
    server.points = [(DAY, 47, "Neutral"), (DAY - 86_400, 33, "Fear")]
    return server


def make(url: str, patience_s: float) -> FearGreedRest:
    return FearGreedRest(url, client=quick_client(url, patience_s))


async def rows(rest: FearGreedRest) -> list[object]:
    return list((await rest.index(30)).rows)


CASES = (Case("fear_greed index", healthy, make, rows, "/fng/"),)
