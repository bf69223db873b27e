"""The quality of the nearest block together with the trends of higher timeframes."""

from math import isnan

import pytest

from signals.columns import ArraySeries, ColumnError, Coverage, assert_causal, evaluate
from signals.strategies import Strategy, nothing
from tests.signals.real_bars import btc_1m


class Agreeing(Strategy):
    """Stores the score and its parts."""

    timeframe = "1m"

    def columns(self, x):
        trends = [x.tf("5m", lambda h, one=one: h.smc(swing=one).trend) for one in (2, 4)]
        return {
            "up": x.smc.confluence("bullish", *trends),
            "down": x.smc.confluence("bearish", *trends),
            "alone": x.smc.confluence("bullish"),
            "up_quality": x.smc.bullish_ob_quality,
            "down_quality": x.smc.bearish_ob_quality,
            "first": trends[0],
            "second": trends[1],
        }

    def decide(self, b):
        return nothing("watching")


def test_it_is_the_mean_of_the_quality_and_the_trends_that_agree():
    bars = btc_1m(100, 5)
    begin = int(bars.open_time[0]) // 60 * 60 + 4 * 86400
    span = Coverage(begin - 4 * 86400, begin + 86400 - 60)
    provider = ArraySeries({(1, 60): bars}, {(1, 60): span})
    found = evaluate(
        Agreeing(), provider, instrument=1, from_open=begin, through_open=begin + 86400
    )
    scores = set()
    for one in found:
        values = one.values
        for name, sign in (("up", 1), ("down", -1)):
            quality = values.get(f"{name}_quality")
            if quality is None or isnan(quality):
                assert name not in values or isnan(values[name])
                continue
            agree = [values.get(part) == sign for part in ("first", "second")]
            assert values[name] == pytest.approx((quality + sum(agree)) / 3, abs=1e-12)
            scores.add(values[name])
        if "alone" in values:
            assert values["alone"] == values["up_quality"] or isnan(values["alone"])
    assert len(scores) > 20
    assert min(scores) >= 0
    assert max(scores) <= 1


def test_it_is_causal():
    assert assert_causal(Agreeing(), btc_1m(100, 5), 60, cuts=6) == 6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(("up",), 'takes "bullish" or "bearish" first'), (("bullish", 1), "takes columns that are 1")],
)
def test_wrong_use_is_refused(arguments, says):
    class Wrong(Agreeing):
        """Asks in the wrong way."""

        def columns(self, x):
            return {"wrong": x.smc.confluence(*arguments)}

    with pytest.raises(ColumnError, match=says):
        assert_causal(Wrong(), btc_1m(100, 3), 60)
