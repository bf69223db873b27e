"""Backtests on bars that a file brought in: chosen by name, and never taken for a venue's."""

import pytest
from django.core.management import CommandError, call_command

from markets.models import Instrument
from markets.selectors_spans import instrument_by_series, series_name, spans_stored
from markets.services.imports import candles_import
from tests.api.conftest import Program, token_of
from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE, made
from trading.models import BacktestRun
from trading.selectors_research import document_of
from trading.services.research_errors import ResearchError

pytestmark = pytest.mark.django_db
NAME = "BTC/USDT@import:mine"


@pytest.fixture
def imported(tmp_path, rows):
    """The same bars as those of the venue, a tenth dearer, under the name `mine`."""
    lines = [
        ",".join(repr(one) for one in (at, *(1.1 * price for price in prices), volume))
        for at, *prices, volume in ((int(row[0]), *map(float, row[1:6])) for row in rows)
    ]
    path = tmp_path / "bars.csv"
    path.write_text("\n".join(["time,open,high,low,close,volume", *lines]))
    return candles_import(path, symbol="BTC/USDT", timeframe=60, name="mine").instrument


def test_a_name_is_of_one_series_only(stored, imported):
    assert (series_name(stored), series_name(imported)) == ("BTC/USDT", NAME)
    assert instrument_by_series("BTC/USDT") == stored
    assert instrument_by_series(NAME) == imported
    assert instrument_by_series(" btc/usdt@IMPORT:mine") == imported
    wrong = ("BTC/USDT@import:other", "BTC/USDT@", "BTC/USDT@binance", f"{NAME}\x00", NAME * 9)
    for name in (*wrong, f"BTC/USDT@{stored.venue.code}"):
        with pytest.raises(Instrument.DoesNotExist):
            instrument_by_series(name)
    assert [(one.name, one.is_import) for one in spans_stored()] == [
        ("BTC/USDT", False),
        (NAME, True),
    ]


def test_both_series_are_tested_side_by_side_and_told_apart(ask, stored, imported):
    document = document_of(made(ask(symbols=["BTC/USDT", NAME])))
    assert document["symbols"] == ["BTC/USDT", NAME]
    assert {one["symbol"] for one in document["trades"]} == {"BTC/USDT", NAME}
    sources = {one["symbol"]: one for one in document["span"]["sources"]}
    mine = {"symbol": NAME, "source": "import:mine", "origin": "import", "bars": BARS - 2_000}
    assert sources[NAME] == mine
    assert sources["BTC/USDT"]["source"] == stored.venue.code
    assert document["sentences"][1] == (
        f"Bars of {NAME}: 4,000 of the file import:mine. "
        "A file was never live, and no venue vouches for it."
    )
    held = {one["symbol"]: one["buy_and_hold"] for one in document["symbols_table"]}
    assert held[NAME] == pytest.approx(held["BTC/USDT"], abs=1e-3)


def test_an_unknown_import_is_refused_with_its_place(ask, stored):
    with pytest.raises(ResearchError) as caught:
        ask(symbols=["BTC/USDT@import:other"])
    assert caught.value.place == "/symbols/0"
    assert "names no imported series" in str(caught.value)
    assert not BacktestRun.objects.exists()


def test_api_form_and_command_take_the_name(client, ann, strategy, stored, imported, capsys):
    wish = {
        "strategy": strategy.pk,
        "symbols": [NAME],
        "from": str(START + 2_000 * MINUTE),
        "through": str(START + (BARS - 1) * MINUTE),
    }
    answer = Program(token_of(ann)).post("/api/v1/backtests", wish)
    assert answer.json()["data"]["symbols"] == [NAME]
    run = made(BacktestRun.objects.get())
    client.force_login(ann)
    form = client.get(f"/backtests/new/?strategy={strategy.pk}").content.decode()
    assert f'value="{NAME}"' in form
    assert "from a file, never live" in form
    page = client.get(f"/backtests/{run.pk}/").content.decode()
    assert "A file was never live" in page
    assert "research-chart" not in page  # the candles that it would draw are the venue's
    listed = client.get("/backtests/", {"symbol": NAME}).content.decode()
    assert f"/backtests/{run.pk}/" in listed
    call_command("backtest", strategy="MeanReversion", symbols=NAME, timeframe="1m")
    assert f"Bars of {NAME}: " in capsys.readouterr().out
    with pytest.raises(CommandError, match="names no imported series"):
        call_command("backtest", strategy="MeanReversion", symbols="BTC/USDT@import:x")
