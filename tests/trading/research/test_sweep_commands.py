"""`manage.py sweep` and `walkforward`: asked for in words, made here, shown as a table."""

import pytest
from django.core.management import CommandError, call_command

from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE
from trading.models import Sweep

SPAN = ("--from", str(START + 2_000 * MINUTE), "--through", str(START + (BARS - 1) * MINUTE))


def test_a_sweep_is_made_and_shown(stored, strategy, ann, capsys):
    call_command(
        *("sweep", "MeanReversion", "BTC/USDT", "--user", "ann", *SPAN),
        *("--vary", "bars=10..30..10", "--vary", "band=1.5,2.0", "--min-trades", "1"),
        *("--set", "margin=0.7", "--assume", "entry_bars=2"),
    )
    told = capsys.readouterr().out
    sweep = Sweep.objects.get()
    assert (sweep.state, sweep.params["margin"], sweep.assumptions["entry_bars"]) == (
        *("ready", 0.7),
        2,
    )
    assert f"search {sweep.pk} of MeanReversion: 6 points" in told
    assert "6 trials made, 0 failed" in told
    best = sweep.summary["best"]["params"]
    assert f"band={best['band']} bars={best['bars']}" in told
    assert sweep.summary["verdict"]["sentence"] in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sweep", "Gone", "BTC/USDT", "--user", "ann"), "no strategy is called Gone"),
        (("sweep", "MeanReversion", "BTC/USDT", "--user", "eve"), "there is no user eve"),
        (("sweep", "MeanReversion", "BTC/USDT", "--user", "ann"), "/space: say what varies"),
        (
            ("sweep", "MeanReversion", "BTC/USDT", "--user", "ann", "--vary", "bars=5..9"),
            "/space/bars/low: bars must lie between 10 and 300",
        ),
        (
            ("walkforward", "MeanReversion", "BTC/USDT", "--user", "ann", "--vary", "bars=10,20"),
            "/walk: the span has 2.8 days; one fold takes 90",
        ),
    ],
)
def test_what_cannot_be_is_said(stored, strategy, ann, words, said):
    with pytest.raises(CommandError, match=said.replace(".", r"\.")):
        call_command(*words, *SPAN)
    assert not Sweep.objects.exists()
