"""FRED's requests among the faults."""

from datetime import date

from markets.providers.fred import FredRest
from tests.markets.providers.conformance import Case, quick_client
from tests.servers_feeds import KEY, FredServer


def healthy() -> FredServer:
    server = FredServer()
    server.add("DGS10", "10-Year Treasury", updated="2026-11-20 15:16:09-06")
    server.values["DGS10"] = [
        (date(2026, 11, 17), date(2026, 11, 18), "4.10"),
        (date(2026, 11, 18), date(2026, 11, 19), "4.12"),
        (date(2026, 11, 19), date(2026, 11, 20), "."),
    ]
    return server


def make(url: str, patience_s: float) -> FredRest:
    return FredRest(url, KEY, client=quick_client(f"{url}/fred", patience_s))


CASES = (
    Case(
        "fred observations",
        healthy,
        make,
        lambda rest: rest.observations(
            "DGS10",
            known_from=date(2025, 1, 1),
            today=date(2026, 11, 21),
            period_from=date(2020, 1, 1),
        ),
        "/fred/series/observations",
    ),
    Case("fred series", healthy, make, lambda rest: rest.series("DGS10"), "/fred/series"),
)
