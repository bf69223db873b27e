"""`manage.py backtest`: on stored bars and on a file of the same bars; nothing is stored."""

import json

import pytest
from django.core.management import CommandError, call_command

from markets.models import Candle
from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE, made
from trading.models import BacktestRun
from trading.selectors_research import document_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path, rows):
    path = tmp_path / "bars.csv"
    lines = [",".join(map(repr, row)) for row in rows]
    path.write_text("\n".join(["time,open,high,low,close,volume", *lines]))
    return path


def told(*words):
    begin = str(START + 2_000 * MINUTE)
    call_command(
        "backtest", "--strategy", "MeanReversion", "--symbols", "BTC/USDT",
        "--timeframe", "1m", "--from", begin, *words,
    )  # fmt: skip


def test_the_command_gives_what_a_stored_run_gives_and_stores_nothing(ask, file, tmp_path, capsys):
    document = document_of(made(ask()))
    runs, candles = BacktestRun.objects.count(), Candle.objects.count()
    stored, read = tmp_path / "stored.json", tmp_path / "read.json"
    told("--out", str(stored), "--out", str(tmp_path / "r.html"), "--out", str(tmp_path / "t.csv"))
    told("--bars", str(file), "--out", str(read))
    kept = json.loads(stored.read_text())
    assert kept["digest"] == document["digest"]
    other = json.loads(read.read_text())
    # The same bars of a file: the same trades, whoever holds them.
    assert other["trades"] == kept["trades"] == document["trades"]
    assert other["equity"] == kept["equity"]
    said = capsys.readouterr().out
    assert f"digest {document['digest']}" in said
    for sentence in document["sentences"]:
        assert sentence in said
    assert "Worst months" in said
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "t.csv").read_text().startswith("number,symbol,side")
    assert BacktestRun.objects.count() == runs
    assert Candle.objects.count() == candles


def test_assumptions_and_parameters_are_taken_from_the_words(stored, tmp_path):
    out = tmp_path / "r.json"
    told("--assume", "taker_ppm=0", "--param", "bars=40", "--out", str(out))
    kept = json.loads(out.read_text())
    assert kept["assumptions"]["taker_ppm"] == 0
    assert kept["strategy"]["params"]["bars"] == 40


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--assume", "taker_ppm"), "wants NAME=VALUE"),
        (("--assume", "taker_ppm=-1"), "/assumptions/taker_ppm"),
        (("--param", "bars=-1"), "/params"),
        (("--to", "2023-11-15"), "no whole bar"),
        (("--out", "r.pdf"), "ends in none of"),
        (("--bars", "none.csv"), "is no .csv or .parquet file"),
        (("--strategy", "Nothing"), "There is no strategy Nothing"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(stored, words, sentence):
    with pytest.raises(CommandError, match=sentence):
        told(*words)


def test_a_file_with_a_fault_is_refused_with_its_line(file, btc):
    lines = file.read_text().splitlines()
    lines[7] = lines[7].replace(str(START + 6 * MINUTE), "12")
    file.write_text("\n".join(lines))
    with pytest.raises(CommandError, match="line 8"):
        told("--bars", str(file))
    assert BARS > 7
