"""What a page of research makes of hostile forms, addresses and names; and who sees what."""

import csv
import io

import pytest

from signals.models import Strategy
from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE, made, row_of
from tests.trading.research.test_research_pages import (
    SPACE,
    as_ann,
    paths_of,
    run,
    search,
    sent_form,
)
from trading import exports, live
from trading.events import ResearchChanged
from trading.models import BacktestRun, Sweep, Trial
from trading.selectors_research import document_of
from trading.services.sweeps import sweep_start

__all__ = ["as_ann", "run", "search"]

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
NUMBERS = ("inf", "nan", "1e400", "9" * 400, "9" * 5_000, "0x10", "\u0661", "{}")
DAYS = ("0001-01-01", "9999-12-31", "2100-01-01", "9" * 50, "2026-02-30")


@pytest.mark.parametrize("text", NUMBERS)
def test_no_number_of_the_form_breaks_the_page(as_ann, strategy, stored, text):
    blank = sent_form(as_ann, strategy)
    ticked = {"kind": "sweep", "vary-bars": "on"}
    for name in ("param-bars", "low-bars", "high-bars", "step-bars", "assume-cash", "points"):
        answer = as_ann.post(
            f"/backtests/new/?strategy={strategy.pk}", blank | ticked | {name: text}
        )
        assert answer.status_code == 422, (name, answer.status_code)
    for values in (text, f"{text},{text}", ",,,", "10,10"):
        told = blank | {"kind": "sweep", "vary-bars": "on", "values-bars": values, "where": text}
        answer = as_ann.post(f"/backtests/new/?strategy={strategy.pk}", told)
        assert answer.status_code == 422
    assert (BacktestRun.objects.count(), Sweep.objects.count()) == (0, 0)


@pytest.mark.parametrize("day", DAYS)
def test_no_day_breaks_a_page(as_ann, strategy, stored, day):
    for name in ("from_day", "through_day"):
        told = sent_form(as_ann, strategy) | {name: day}
        assert as_ann.post(f"/backtests/new/?strategy={strategy.pk}", told).status_code == 422
        parts = {"strategy": [strategy.pk] * 2, "symbols": ["BTC/USDT"] * 2}
        days = {"from_day": "2023-11-17", "through_day": "2023-11-18", name: day}
        assert as_ann.post("/backtests/combine/", parts | days).status_code == 422
    assert BacktestRun.objects.count() == 0


@pytest.mark.parametrize("name", ["a\u202eb", "a\x07b", "a\u200bb", "a\x00b\x1b[31m"])
def test_names_that_look_like_others_are_refused(as_ann, strategy, stored, name):
    told = sent_form(as_ann, strategy, name=name)
    assert as_ann.post(f"/backtests/new/?strategy={strategy.pk}", told).status_code == 422
    assert BacktestRun.objects.count() == 0


QUERIES = (
    "page=0", "page=-1", f"page={9 * 10**5}", "sort=__class__", "direction=x", "x=bars&y=bars",
    "x=where&y=band", "fold=99999", "fold=-1", "symbol=%00", "before=9.9.9", "before=x",
    f"before={10**30}.1.1", f"before=1.1.{2**63}", "kind=%00", "strategy=%00", "run=0",
    f"run={2**63}&run={10**17}", "runs=1,x,,", "point=%00", "leave=%00", "symbol=" + "B" * 5_000,
)  # fmt: skip


def test_no_address_breaks_a_page(as_ann, run, search, strategy):
    sweep = search()
    point = f"/backtests/new/?strategy={strategy.pk}&sweep={sweep.pk}&like={run.pk}"
    lists = ("/backtests/", "/backtests/compare/")
    for path in (*lists, f"/backtests/{run.pk}/", f"/backtests/{run.pk}/trades/",
                 f"/backtests/{run.pk}/trades.json", f"/sweeps/{sweep.pk}/",
                 f"/sweeps/{sweep.pk}/trials/"):  # fmt: skip
        for query in QUERIES:
            assert as_ann.get(f"{path}?{query}").status_code == 200, (path, query)
    for which in ("x", "0", str(2**62), "latest", "%00", "9" * 30):
        assert as_ann.get(f"{point}&point={which}").status_code == 200
    for do in ("", "keep", f"keep {2**62}", "keep x", "start", "archive x", "keep \x00"):
        assert as_ann.post(f"/sweeps/{sweep.pk}/act/", {"do": do}).status_code == 302
        assert as_ann.post(f"/backtests/{run.pk}/act/", {"do": do}).status_code == 302


def test_absent_foreign_and_staffs_look_alone_are_the_same(
    client, run, search, ben, cid, django_user_model
):
    sweep = search()
    boss = django_user_model.objects.create_superuser("boss", "boss@example.org", "correct horse 4")
    for user in (ben, cid, boss):
        client.force_login(user)
        for path in paths_of(run, sweep):
            absent = path.replace(f"/{run.pk}/", "/987654/", 1)
            if "sweeps" in path:
                absent = path.replace(f"/{sweep.pk}/", "/987654/", 1)
            theirs, none = client.get(path), client.get(absent)
            assert (theirs.status_code, none.status_code) == (404, 404), (user, path)
        page = client.get(f"/backtests/compare/?run={run.pk}&run={run.pk + 1}")
        assert page.context["comparison"] is None
        assert f"backtest-{run.pk}" not in page.content.decode()
        strategy = run.strategy_id
        plain = client.get(f"/backtests/new/?strategy={strategy}").context["form"]
        like = client.get(
            f"/backtests/new/?strategy={strategy}&like={run.pk}&sweep={sweep.pk}&point=best"
        ).context["form"]
        assert (like.params, like.assumed, like.search) == (
            plain.params,
            plain.assumed,
            plain.search,
        )


def test_names_are_text_wherever_they_are_shown(as_ann, ask, ann, strategy):
    Strategy.objects.filter(pk=strategy.pk).update(name=EVIL[:80])
    strategy.refresh_from_db()
    run = made(ask(name=EVIL[:80]))
    sweep = sweep_start(
        user=ann, strategy=strategy, symbols=["BTC/USDT"], from_open=START + 2_000 * MINUTE,
        through_open=START + (BARS - 1) * MINUTE, space=SPACE, min_trades=1, name=EVIL[:80],
    )  # fmt: skip
    for path in (
        "/backtests/",
        f"/backtests/{run.pk}/",
        f"/backtests/{run.pk}/export/report.html",
        f"/backtests/compare/?run={run.pk}",
        f"/backtests/new/?strategy={strategy.pk}",
        "/backtests/new/",
        "/backtests/combine/",
        f"/sweeps/{sweep.pk}/",
        f"/sweeps/{sweep.pk}/progress/",
    ):
        html = as_ann.get(path).content.decode()
        assert "<script>alert" not in html, path
        assert "<img src=x" not in html, path
    answer = as_ann.get(f"/backtests/{run.pk}/export/report.html")
    assert answer["Content-Disposition"] == f'attachment; filename="backtest-{run.pk}-report.html"'


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"]
)
def test_no_cell_of_a_sheet_begins_a_formula(run, text):
    document = document_of(run)
    for one in document["trades"]:
        one |= {"reason": text, "symbol": text, "leave": text}
    rows = list(csv.DictReader(io.StringIO(exports.trades_csv(document).decode(), newline="")))
    assert rows
    for row in rows:
        assert [row[one] for one in ("reason", "symbol", "leave")] == [f"'{text}"] * 3
        assert float(row["profit"]) == float(row["profit"])  # figures stay figures


def test_progress_is_told_to_its_owner_alone(monkeypatch, ann):
    heard = []
    monkeypatch.setattr(live, "_tell", lambda *told: heard.append(told))
    live.on_research_changed(ResearchChanged("backtest", 5, ann.pk, "running", 0.5, "measuring"))
    assert [(user, kind) for user, kind, _ in heard] == [(ann.pk, "research")]


def test_a_point_of_withdrawn_rules_becomes_nobodys_strategy(as_ann, ben, search):
    private = row_of("MeanReversion", owner=ben, threshold=0.5)
    Strategy.objects.filter(pk=private.pk).update(is_shared=True)
    sweep = search(strategy=private)
    Strategy.objects.filter(pk=private.pk).update(is_shared=False)
    which = Trial.objects.filter(sweep=sweep).first().pk
    before = Strategy.objects.count()
    as_ann.post(f"/sweeps/{sweep.pk}/act/", {"do": f"keep {which}"})
    assert Strategy.objects.count() == before
