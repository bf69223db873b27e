"""Analyses as rows: asked for, made, failed; what the document says; files that are opened."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from markets.models import Instrument
from signals.models import Analysis, Strategy
from signals.services.analyses import (
    analyses_sweep,
    analysis_claim,
    analysis_fail,
    analysis_make,
    analysis_start,
)
from signals.services.analysis_work import AnalysisError, analysis_of
from signals.services.folder import folder_refresh
from signals.services.instances import instance_of
from signals.strategies import Strategy as StrategyClass
from signals.strategies import column, nothing
from signals.strategies.folder import read_file
from tests.signals.app.conftest import START

pytestmark = pytest.mark.django_db


def made(row, user, **options):
    found = analysis_start(user=user, strategy=row, symbol="BTC/USDT", **options)
    assert analysis_claim(found.pk)
    analysis_make(found.pk)
    found.refresh_from_db()
    return found


def refused(**asked):
    with pytest.raises(AnalysisError) as caught:
        analysis_start(**asked)
    assert Analysis.objects.count() == 0
    return caught.value.place, str(caught.value)


class TestTheDocument:
    def test_rules_that_are_honest_are_clean(self, mine, ann):
        found = made(mine, ann)
        assert (found.state, found.error) == ("ready", "")
        told = found.document
        assert told["verdict"] == "clean"
        assert told["span"]["bars"] == 1_800
        assert told["span"]["through_open"] == START + 1_199 * 60
        names = [one["name"] for one in told["lookahead"]["outputs"]]
        assert names[:3] == ["line", "it closed up", "above the line"]
        assert names[3:] == ["verdict", "reason", "confidence", "stop", "take"]
        assert {one["leak"] for one in told["lookahead"]["outputs"]} == {None}
        assert len(told["lookahead"]["cuts"]) == 32
        assert told["lookahead"]["stepped"] == min(1_500, told["lookahead"]["decided"])
        warm = {one["name"]: one for one in told["warm_up"]["columns"]}
        assert (warm["line"]["derived"], warm["line"]["near"]) == (2, 2)
        assert (warm["it closed up"]["derived"], warm["it closed up"]["exact"]) == (0, 0)
        assert told["sentences"][0].startswith(
            "Nothing changed when later bars became known: 8 outputs were equal to the bit in a "
            "second run, in 32 prefixes that end on bars where they change, and on "
        )

    def test_a_leak_is_named_with_column_and_bar(self, btc, bars):
        seen = {}

        class Remembers(StrategyClass):
            timeframe = "1m"

            @column(bars=2)
            def next_close(self, w):
                seen[float(w.close[-2])] = float(w.close[-1])
                return seen.get(float(w.close[-1]), 0.0)

            def columns(self, x):
                return {"honest": x.close.sma(3), "next_close": self.next_close(x)}

            def decide(self, b):
                return nothing("watching")

        told = analysis_of(Remembers(), btc)
        assert told["verdict"] == "leaks"
        outputs = {one["name"]: one["leak"] for one in told["lookahead"]["outputs"]}
        assert [name for name, leak in outputs.items() if leak] == ["next_close"]
        row = (outputs["next_close"]["bar_open"] - bars[0][0]) // 60
        assert outputs["next_close"]["alone"] == bars[row + 1][4]
        assert told["sentences"][0].startswith("It remembers: next_close of the bar of 2023-11-1")
        assert f"{bars[row + 1][4]!r} in a second one" in told["sentences"][0]

    def test_a_file_that_decide_reads_is_reported_with_its_line(self, btc, bars, tmp_path):
        path = tmp_path / "closes.csv"
        path.write_text("\n".join(str(one[4]) for one in bars[-5:]))

        class Reads(StrategyClass):
            timeframe = "1m"

            def columns(self, x):
                return {"up": x.close > x.open}

            def decide(self, b):
                np.loadtxt(path)
                return nothing("watching")

        told = analysis_of(Reads(), btc, bars=700)
        assert told["verdict"] == "opens"
        (opened,) = told["opened"]
        assert opened["what"] == f"open {path}"
        assert opened["function"] == "decide"
        assert told["sentences"][0].startswith(f"It opens what is outside of the bars: open {path}")

    def test_the_clock_ends_it(self, mine, btc):
        ticks = iter(range(0, 10_000, 20))
        told = analysis_of(instance_of(mine), btc, seconds=60, clock=lambda: next(ticks))
        assert told["lookahead"]["is_cut_short"]
        assert len(told["lookahead"]["cuts"]) == 2
        assert any(one.startswith("The time of 60 s was over") for one in told["sentences"])

    def test_too_few_bars_are_said(self, mine, btc):
        with pytest.raises(AnalysisError, match="No bars of ETH/USDT are stored"):
            analysis_of(
                instance_of(mine), Instrument(pk=10**6, symbol="ETH/USDT", venue_id=btc.venue_id)
            )


FILE = """
import numpy as np
from signals.strategies import Strategy, column, nothing

SEEN = [0, 0.0]
AHEAD = np.loadtxt({path!r})


class FromFile(Strategy):
    timeframe = "1m"

    @column(bars=2)
    def told(self, w):
        return float(AHEAD.mean())

    @column(bars=2)
    def whole_mean(self, w):
        SEEN[:] = SEEN[0] + 1, SEEN[1] + float(w.close[-1])
        return SEEN[1] / SEEN[0]

    def columns(self, x):
        return {{"told": self.told(x), "whole_mean": self.whole_mean(x)}}

    def decide(self, b):
        return nothing("watching")
"""


class TestAFileOfTheFolder:
    @pytest.fixture
    def folder(self, settings, tmp_path, bars):
        data = tmp_path / "ahead.csv"
        data.write_text("\n".join(str(one[4]) for one in bars))
        place = tmp_path / "strategies"
        place.mkdir()
        (place / "ahead.py").write_text(FILE.format(path=str(data)))
        settings.MYSTIC_STRATEGIES_DIR = str(place)
        return data

    def test_what_it_opens_when_it_is_read_and_what_it_remembers_are_named(
        self, folder, ann, btc, bars
    ):
        folder_refresh()
        row = Strategy.objects.get(class_name="FromFile")
        told = made(row, ann, bars=700).document
        leaks = [one["name"] for one in told["lookahead"]["outputs"] if one["leak"]]
        assert leaks == ["whole_mean"]
        assert told["verdict"] == "leaks"
        (opened,) = told["opened"]
        assert (opened["what"], opened["function"]) == (f"open {folder}", "<module>")

    def test_the_file_itself_is_no_fault(self, tmp_path, btc, bars):
        path = tmp_path / "plain.py"
        path.write_text(
            "from signals.strategies import Strategy, nothing\n\n\n"
            "class Plain(Strategy):\n    timeframe = '1m'\n\n"
            "    def columns(self, x):\n        return {'up': x.close > x.open}\n\n"
            "    def decide(self, b):\n        return nothing('watching')\n"
        )
        (cls,) = read_file(path).classes
        told = analysis_of(cls(), btc, bars=700)
        assert (told["verdict"], told["opened"]) == ("clean", [])


class TestAsking:
    def test_only_what_is_seen_and_fits_is_taken(self, mine, ann, cid, btc):
        asked = {"user": ann, "strategy": mine, "symbol": "BTC/USDT"}
        assert refused(**asked | {"user": cid}) == ("/strategy", "There is no such strategy.")
        place, sentence = refused(**asked | {"symbol": "NONE/USDT"})
        assert place == "/symbol"
        assert "NONE/USDT" in sentence
        assert refused(**asked, bars=199) == (
            "/bars",
            "199 bars cannot be analysed: ask for 200 to 20000.",
        )

    def test_two_at_a_time_are_allowed(self, mine, ann, ben, shared):
        for _ in range(2):
            analysis_start(user=ann, strategy=mine, symbol="BTC/USDT")
        with pytest.raises(AnalysisError, match="2 of your analyses wait or run"):
            analysis_start(user=ann, strategy=mine, symbol="BTC/USDT")
        assert Analysis.objects.count() == 2
        own = Strategy.objects.filter(class_name="TrendPullback")[0]
        assert analysis_start(user=ben, strategy=own, symbol="BTC/USDT").state == "waiting"

    def test_the_newest_twenty_are_kept(self, mine, ann, cid, shared):
        other = Strategy.objects.filter(class_name="TrendPullback")[0]
        kept = Analysis.objects.create(strategy=other, asked_by=cid, symbol="BTC/USDT", bars=200)
        for _ in range(25):
            row = analysis_start(user=ann, strategy=mine, symbol="BTC/USDT")
            Analysis.objects.filter(pk=row.pk).update(state="failed")
        found = Analysis.objects.filter(asked_by=ann)
        assert found.count() == 20
        assert found[0].pk == row.pk
        assert Analysis.objects.filter(pk=kept.pk).exists()


class TestTheWork:
    def test_an_analysis_is_claimed_once(self, mine, ann):
        row = analysis_start(user=ann, strategy=mine, symbol="BTC/USDT")
        assert [analysis_claim(row.pk) for _ in range(2)] == [True, False]
        assert analysis_fail(row.pk, "x" * 600)
        row.refresh_from_db()
        assert (row.state, len(row.error)) == ("failed", 500)
        assert not analysis_make(row.pk)
        row.refresh_from_db()
        assert (row.state, row.document) == ("failed", {})

    def test_a_strategy_whose_class_is_gone_fails_with_its_sentence(self, ann, bars):
        row = Strategy.objects.create(
            class_name="Gone", version="1", name="Gone", timeframe=60, origin="folder", owner=ann
        )
        found = made(row, ann)
        assert (found.state, found.error) == ("failed", "there is no class Gone")

    def test_what_lost_its_process_has_failed(self, mine, ann):
        row = analysis_start(user=ann, strategy=mine, symbol="BTC/USDT")
        analysis_claim(row.pk)
        analyses_sweep(timezone.now())
        row.refresh_from_db()
        assert row.state == "running"
        analyses_sweep(timezone.now() + timedelta(minutes=10))
        row.refresh_from_db()
        assert (row.state, row.error) == (
            "failed",
            "Its process ended before it was done. Ask again.",
        )
