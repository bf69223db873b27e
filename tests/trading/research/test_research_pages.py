"""The pages of research: what Ann sees, what Ben and Cid do not, forms that keep what was typed."""

import json
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from markets.models import Gap
from markets.selectors_spans import spans_stored
from signals.models import Strategy
from tests.pages.test_frame import Page
from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE, made
from trading.models import BacktestRun, Sweep
from trading.performance.catalogue import METRICS
from trading.research_shown import shown
from trading.selectors_research import document_of
from trading.services.backtests import backtest_archive
from trading.services.research_work import work_next
from trading.services.sweeps import sweep_start

pytestmark = pytest.mark.django_db

FROM = START + 2_000 * MINUTE
THROUGH = START + (BARS - 1) * MINUTE
WALK = {
    "kind": "walk_forward",
    "walk": {"train_days": 1, "test_days": 1},
    "from_open": START,
}
SPACE = {"bars": {"values": [10, 20]}, "band": {"values": [1.5, 2.0]}}


@pytest.fixture
def as_ann(client, ann):
    client.force_login(ann)
    return client


@pytest.fixture
def run(ask):
    return made(ask(name="first one"))


@pytest.fixture
def search(stored, strategy, ann):
    def make(**changes):
        told = {
            "user": ann,
            "strategy": strategy,
            "symbols": ["BTC/USDT"],
            "from_open": FROM,
            "through_open": THROUGH,
            "space": SPACE,
            "min_trades": 1,
        }
        sweep = sweep_start(**(told | changes))
        while work_next("test"):
            continue
        sweep.refresh_from_db()
        return sweep

    return make


def html_of(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def words(html):
    return " ".join(html.split())


def paths_of(run, sweep):
    return (
        f"/backtests/{run.pk}/",
        f"/backtests/{run.pk}/progress/",
        f"/backtests/{run.pk}/trades/",
        f"/backtests/{run.pk}/trades.json?symbol=BTC/USDT",
        f"/backtests/{run.pk}/export/trades.csv",
        f"/sweeps/{sweep.pk}/",
        f"/sweeps/{sweep.pk}/progress/",
        f"/sweeps/{sweep.pk}/trials/",
    )


def sent_form(client, strategy, **changes):
    """Return what the page's form would send, with something changed."""
    page = client.get(f"/backtests/new/?strategy={strategy.pk}")
    form = page.context["form"]
    told = {
        "do": "start",
        "kind": "backtest",
        "name": "",
        "symbols": form.symbols,
        "from_day": form.from_day,
        "through_day": form.through_day,
        **{f"param-{one.name}": one.value for one in form.params},
        **{
            f"{word}-{one.name}": getattr(one, word)
            for one in form.params
            for word in ("low", "high", "step")
        },
        **{f"assume-{name}": text for name, text in form.assumed.items()},
        **form.search,
        **form.walk,
    }
    return {name: value for name, value in (told | changes).items() if value is not None}


# -- who sees what -------------------------------------------------------------------------------


def test_ann_sees_her_research_ben_and_cid_see_nothing_and_a_guest_signs_in(
    client, ann, ben, cid, run, search
):
    sweep = search()
    for path in paths_of(run, sweep):
        client.force_login(ann)
        assert client.get(path).status_code == 200, path
        for other in (ben, cid):
            client.force_login(other)
            assert client.get(path).status_code == 404, path
        client.logout()
        assert client.get(path)["Location"].startswith("/accounts/login/"), path
    for path in ("/backtests/", "/backtests/new/", "/backtests/compare/"):
        assert client.get(path)["Location"].startswith("/accounts/login/"), path
    client.force_login(ben)
    assert "first one" not in html_of(client, "/backtests/")
    compared = html_of(client, f"/backtests/compare/?run={run.pk}")
    assert f"Backtest {run.pk} is not yours" in compared


def test_nobody_else_can_act_on_it(client, ben, run, search):
    sweep = search()
    client.force_login(ben)
    for path in (f"/backtests/{run.pk}/act/", f"/sweeps/{sweep.pk}/act/"):
        assert client.post(path, {"do": "archive"}).status_code == 404
        assert client.get(path).status_code == 405
    run.refresh_from_db()
    sweep.refresh_from_db()
    assert (run.is_archived, sweep.is_archived) == (False, False)
    assert Strategy.objects.filter(owner=ben).count() == 0


def test_another_users_private_strategy_has_no_form(as_ann, ben, strategy):
    strategy.owner = ben
    strategy.save()
    assert as_ann.get(f"/backtests/new/?strategy={strategy.pk}").status_code == 404
    assert strategy.name not in html_of(as_ann, "/backtests/new/")


# -- every page is strict ------------------------------------------------------------------------


def test_no_page_has_inline_script_and_every_input_a_label(as_ann, run, search, strategy):
    walk = search(**WALK)
    assert walk.state == "ready", walk.error
    sweep = search()
    for path in (
        "/backtests/",
        "/backtests/new/",
        f"/backtests/new/?strategy={strategy.pk}",
        f"/backtests/{run.pk}/",
        f"/backtests/compare/?run={run.pk}",
        f"/sweeps/{sweep.pk}/",
        f"/sweeps/{walk.pk}/",
    ):
        page = Page(html_of(as_ann, path))
        assert (path, page.faults) == (path, [])
        assert (path, page.headings) == (path, 1)
        assert len(page.ids) == len(set(page.ids)), path
        unlabelled = [
            one
            for one in page.inputs
            if one.get("type") not in ("hidden", "submit")
            and "aria-label" not in one
            and one.get("id") not in page.labels
        ]
        assert (path, unlabelled) == (path, [])


def test_the_list_and_the_result_ask_few_questions(as_ann, run, ask):
    with CaptureQueriesContext(connection) as few:
        html_of(as_ann, "/backtests/")
    made(ask(name="second", params={"bars": 20}))
    made(ask(name="third", params={"bars": 30}))
    with CaptureQueriesContext(connection) as more:
        html_of(as_ann, "/backtests/")
    assert len(more) == len(few) <= 8
    with CaptureQueriesContext(connection) as asked:
        html_of(as_ann, f"/backtests/{run.pk}/")
    assert len(asked) <= 20
    assert sum('"document"' in one["sql"] for one in asked) <= 2


# -- the list ------------------------------------------------------------------------------------


def test_an_empty_list_leads_to_the_first_backtest(as_ann):
    html = words(html_of(as_ann, "/backtests/"))
    assert "Nothing has been tested yet" in html
    assert 'href="/backtests/new/"' in html
    assert '<a href="/backtests/" aria-current="page">' in html


def test_a_switch_says_that_its_strategy_was_never_tested(client, ann, ben, strategy, ask):
    hint = "You have not tested it on past bars yet"
    path = f"/strategies/{strategy.pk}/deployment/"
    ask()
    for user, is_hinted in ((ben, True), (ann, False)):
        client.force_login(user)
        html = html_of(client, path)
        assert (hint in html) == is_hinted
        assert (f"/backtests/new/?strategy={strategy.pk}" in html) == is_hinted


def test_the_list_shows_the_figures_of_the_report_and_filters(as_ann, run, search):
    sweep = search(name="of two")
    figures = document_of(run)["metrics"]
    html = words(html_of(as_ann, "/backtests/"))
    for name in ("sharpe", "max_drawdown", "trades"):
        assert shown(METRICS[name], figures[name]) in html
    assert "first one" in html
    assert "of two" in html
    assert "in sample" in html
    for query, is_run, is_sweep in (
        ("kind=backtest", True, False),
        ("kind=sweep", False, True),
        ("kind=walk_forward", False, False),
        ("symbol=BTC/USDT", True, True),
        ("symbol=ETH/USDT", False, False),
        ("symbol=%22%5D", False, False),
        (f"strategy={run.strategy.name}", True, True),
        ("strategy=Nope", False, False),
        ("state=ready", True, True),
        ("state=working", False, False),
        ("archived=yes", False, False),
        ("before=garbage&state=x&kind=y", True, True),
        ("before=0.0.0", False, False),
    ):
        html = html_of(as_ann, f"/backtests/?{query}")
        assert (query, "first one" in html, "of two" in html) == (query, is_run, is_sweep)
    backtest_archive(run=run)
    assert "first one" in html_of(as_ann, "/backtests/?archived=yes")
    assert sweep.pk


def test_pages_of_the_list_follow_each_other_without_a_hole(as_ann, ann, strategy):
    told = {
        "owner": ann,
        "class_name": "MeanReversion",
        "version": "v",
        "timeframe": 60,
        "from_open": 0,
        "through_open": 60,
        "state": "canceled",
    }
    runs = [BacktestRun.objects.create(name=f"run-{n:02d}!", **told) for n in range(40)]
    BacktestRun.objects.update(created_at=runs[0].created_at)
    sweeps = [Sweep.objects.create(name=f"sweep-{n:02d}!", points=1, **told) for n in range(30)]
    Sweep.objects.update(created_at=runs[0].created_at)
    seen, address = [], "/backtests/"
    while address:
        context = as_ann.get(address).context
        seen += [row.research.name for row in context["rows"]]
        address = f"/backtests/?{context['older']}" if context["older"] else ""
    assert len(seen) == 70
    assert set(seen) == {one.name for one in (*runs, *sweeps)}


# -- the form ------------------------------------------------------------------------------------


def test_the_form_has_the_parameters_bounds_units_and_what_is_stored(as_ann, strategy, stored):
    Gap.objects.create(
        instrument=stored, timeframe=MINUTE, start=START + 600, end=START + 1200, state="absent"
    )
    html = words(html_of(as_ann, f"/backtests/new/?strategy={strategy.pk}"))
    assert "10 to 300, usually 48" in html
    assert "standard deviations" in html
    # 10 of 6,000 minutes are absent: 99.8 %
    assert "99.8 % of the bars" in html
    assert [(one.first, one.last) for one in spans_stored()] == [(START, THROUGH)]


def test_a_backtest_is_started_from_the_form(as_ann, strategy, stored):
    told = sent_form(as_ann, strategy, name="mine") | {
        "param-band": "2.5",
        "assume-taker_ppm": "0.075",
        "assume-limits.stop_ppm": "1.5",
        "assume-limits.take_milli": "2.5",
        "assume-cash": "2500.5",
    }
    answer = as_ann.post(f"/backtests/new/?strategy={strategy.pk}", told)
    run = BacktestRun.objects.get()
    assert answer["Location"] == f"/backtests/{run.pk}/"
    assert (run.name, run.params["band"], run.state) == ("mine", 2.5, "waiting")
    assert (run.from_open, run.through_open) == (START, THROUGH)
    assert run.assumptions["taker_ppm"] == 750
    assert run.assumptions["limits"]["stop_ppm"] == 15_000
    assert run.assumptions["limits"]["take_milli"] == 2_500
    assert run.assumptions["cash"] == int(Decimal("2500.5") * 10**8)
    # What was not touched is as the account's own: 2 % and 1,000 USDT a position.
    assert run.assumptions["limits"]["position_ppm"] == 20_000
    assert run.assumptions["limits"]["max_position_notional"] == 1_000 * 10**8
    assert "It waits" in html_of(as_ann, f"/backtests/{run.pk}/")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"param-bars": "5"}, "Bars must lie between 10 and 300, not 5."),
        ({"param-bars": "abc"}, "Bars must be a number, not"),
        ({"from_day": "yesterday"}, "Write a day as 2026-01-31."),
        ({"through_day": "2001-01-01"}, "It lies before the first day."),
        ({"assume-half_spread_ppm": "0.00001"}, "is too fine: at most 4 decimal places"),
        ({"assume-cash": "1e5"}, "Write a number in plain digits"),
        ({"assume-delay_bars": "-1"}, "It cannot be less than zero."),
        ({"assume-cash": ""}, "A value is wanted here."),
        ({"assume-entry": "maybe"}, "Choose one of at the market"),
        ({"symbols": ""}, "Name at least one symbol."),
        ({"symbols": "NOPE/USDT"}, "is not in the catalogue"),
        ({"name": "x" * 81}, "at most 80 characters"),
        ({"assume-currency": "EUR"}, "the account holds EUR"),
        ({"kind": "sweep"}, "Tick at least one parameter that varies."),
        ({"kind": "sweep", "vary-bars": "on", "low-bars": "1"}, "must lie between 10 and 300"),
        ({"kind": "sweep", "vary-bars": "on", "step-bars": "0"}, "the step of bars is"),
        ({"kind": "sweep", "vary-bars": "on", "points": "many"}, "A whole number is wanted here."),
        ({"kind": "walk_forward", "vary-bars": "on"}, "the span has"),
    ],
)
def test_a_fault_stands_beside_its_field_and_nothing_is_started(
    as_ann, strategy, stored, changes, sentence
):
    told = sent_form(as_ann, strategy, name="kept <b>") | changes
    if told.get("symbols") == "":
        told.pop("symbols")
    answer = as_ann.post(f"/backtests/new/?strategy={strategy.pk}", told)
    assert answer.status_code == 422
    form = answer.context["form"]
    told_faults = [
        *form.errors.values(),
        *form.assumed_errors.values(),
        *form.other_errors,
        *(one.error for one in form.params),
        *(one.range_error for one in form.params),
    ]
    assert any(sentence.lower() in one.lower() for one in told_faults), told_faults
    assert (BacktestRun.objects.count(), Sweep.objects.count()) == (0, 0)
    html = answer.content.decode()
    assert 'aria-invalid="true"' in html or "notice-error" in html
    if "name" not in changes:
        assert 'value="kept &lt;b&gt;"' in html


def test_presets_and_spans_fill_the_form_without_script(as_ann, strategy, stored):
    address = f"/backtests/new/?strategy={strategy.pk}"
    told = sent_form(as_ann, strategy, **{"assume-cash": "777", "param-band": "3"})
    worse = as_ann.post(address, told | {"do": "preset pessimistic"}).context["form"]
    assert (worse.assumed["fee_milli"], worse.assumed["delay_bars"]) == ("2", "1")
    assert worse.assumed["cash"] == "777"
    assert next(one.value for one in worse.params if one.name == "band") == "3"
    free = as_ann.post(address, told | {"do": "preset free"}).context["form"]
    assert (free.assumed["taker_ppm"], free.assumed["has_funding"]) == ("0", "")
    paper = as_ann.post(address, told | {"do": "preset paper"}).context["form"]
    assert (paper.assumed["taker_ppm"], paper.assumed["fee_milli"]) == ("", "1")
    month = as_ann.post(address, told | {"do": "span 30"}).context["form"]
    # Four days and four hours of bars are stored from 2023-11-15 10:40 on.
    assert (month.from_day, month.through_day) == ("2023-11-15", "2023-11-19")
    assert BacktestRun.objects.count() == 0


# -- one backtest --------------------------------------------------------------------------------


def test_the_result_says_what_the_report_says(as_ann, run):
    report = document_of(run)
    html = words(html_of(as_ann, f"/backtests/{run.pk}/"))
    for name in ("sharpe", "max_drawdown", "trades", "win_rate", "volatility", "fees_paid"):
        assert shown(METRICS[name], report["metrics"][name]) in html, name
    for sentence in report["sentences"]:
        assert sentence.replace("'", "&#x27;") in html
    assert report["digest"] in html
    for one in report["trades"][:50]:
        assert f'id="trade-{one["number"]}"' in html
    for line in report["robustness"]["stress"]["lines"]:
        assert line["label"] in html
    printed = as_ann.get(f"/backtests/{run.pk}/export/report.html").content.decode()
    (test,) = report["robustness"]["signal"]
    for page in (html, printed):
        assert "Does the signal know anything?" in page
        assert f"{test['sentence'][1:]}." in page
        assert f"{test['p_value']:.3f}" in page
        assert f"{test['held']:.1%}" in page
    assert "polyline" in html


def test_trades_are_sorted_filtered_and_cut(as_ann, run):
    trades = document_of(run)["trades"]
    best = max(trades, key=lambda one: Decimal(one["profit"]))
    context = as_ann.get(f"/backtests/{run.pk}/trades/?sort=profit&direction=down").context
    assert context["table"].rows[0]["number"] == best["number"]
    won = as_ann.get(f"/backtests/{run.pk}/trades/?won=yes").context["table"]
    assert won.found == sum(Decimal(one["profit"]) > 0 for one in trades)
    stopped = as_ann.get(f"/backtests/{run.pk}/trades/?leave=stop").context["table"]
    assert stopped.found == sum(one["leave"] == "stop" for one in trades)
    last = as_ann.get(f"/backtests/{run.pk}/trades/?page=999999").context["table"]
    assert last.rows[-1]["number"] == trades[-1]["number"]
    odd = "?sort=__class__&direction=x&page=-1&leave=%00&symbol=" + "x" * 500
    assert as_ann.get(f"/backtests/{run.pk}/trades/{odd}").status_code == 200


def test_the_chart_gets_the_trades_of_its_symbol(as_ann, run):
    trades = document_of(run)["trades"]
    told = as_ann.get(f"/backtests/{run.pk}/trades.json?symbol=BTC/USDT").json()["data"]["trades"]
    assert [one["number"] for one in told] == [one["number"] for one in trades]
    for name in ("entry_price", "stop", "take"):
        assert [one[name] for one in told] == [one[name] for one in trades]
    nothing = as_ann.get(f"/backtests/{run.pk}/trades.json?symbol=ETH/USDT").json()
    assert nothing["data"]["trades"] == []


def test_exports_are_files(as_ann, run):
    report = document_of(run)
    told = as_ann.get(f"/backtests/{run.pk}/export/report.json")
    assert json.loads(told.content)["digest"] == report["digest"]
    assert "attachment" in told["Content-Disposition"]
    lines = as_ann.get(f"/backtests/{run.pk}/export/trades.csv").content.decode().splitlines()
    assert len(lines) == 1 + len(report["trades"])
    assert as_ann.get(f"/backtests/{run.pk}/export/passwords").status_code == 404


def test_run_again_gives_the_same_bytes_and_says_so(as_ann, run):
    answer = as_ann.post(f"/backtests/{run.pk}/act/", {"do": "again"})
    again = BacktestRun.objects.order_by("-pk").first()
    assert answer["Location"] == f"/backtests/{again.pk}/"
    made(again)
    html = words(html_of(as_ann, f"/backtests/{again.pk}/"))
    assert f"Equal byte for byte to run {run.pk}." in html


def test_what_was_changed_since_the_run_before_is_told(as_ann, run, ask):
    other = made(ask(params={"bars": 20}))
    context = as_ann.get(f"/backtests/{other.pk}/").context
    told = {one.what: (one.there, one.here) for one in context["changes"]}
    assert told["parameter bars"] == ("48", "20")
    assert "parameter band" not in told
    compared = words(html_of(as_ann, f"/backtests/compare/?run={run.pk}&run={other.pk}"))
    assert "parameter bars" in compared
    assert "do not cover the same" not in compared
    shorter = made(ask(from_open=FROM + 1_000 * MINUTE))
    uneven = html_of(as_ann, f"/backtests/compare/?run={run.pk}&run={shorter.pk}")
    assert "do not cover the same symbols and span" in uneven
    sharpes = [document_of(one)["metrics"]["sharpe"] for one in (run, other)]
    place = sharpes.index(max(sharpes))
    comparison = as_ann.get(f"/backtests/compare/?runs={run.pk},{other.pk}").context["comparison"]
    line = next(one for one in comparison.lines if one.label == "Sharpe")
    assert [is_best for _, is_best in line.cells] == [place == 0, place == 1]


def test_a_backtest_that_waits_is_canceled_and_archived(as_ann, ask):
    run = ask()
    progress = as_ann.get(f"/backtests/{run.pk}/progress/")
    assert "HX-Refresh" not in progress
    assert "hx-trigger" in progress.content.decode()
    as_ann.post(f"/backtests/{run.pk}/act/", {"do": "archive"})
    run.refresh_from_db()
    assert not run.is_archived  # it still waits
    as_ann.post(f"/backtests/{run.pk}/act/", {"do": "cancel"})
    run.refresh_from_db()
    assert run.state == "canceled"
    assert as_ann.get(f"/backtests/{run.pk}/progress/")["HX-Refresh"] == "true"
    as_ann.post(f"/backtests/{run.pk}/act/", {"do": "archive"})
    run.refresh_from_db()
    assert run.is_archived
    as_ann.post(f"/backtests/{run.pk}/act/", {"do": "restore"})
    run.refresh_from_db()
    assert not run.is_archived


# -- searches ------------------------------------------------------------------------------------


def test_a_sweep_shows_its_map_and_its_points(as_ann, search, strategy):
    sweep = search()
    context = as_ann.get(f"/sweeps/{sweep.pk}/").context
    rows = context["heat"].rows
    assert [value for value, _ in rows] == [20, 10]  # the largest on top
    assert context["heat"].x_values == (1.5, 2.0)
    wanted = {(one.params["bars"], one.params["band"]): one for one in sweep.trials.all()}
    for value, cells in rows:
        for band, cell in zip((1.5, 2.0), cells, strict=True):
            assert cell.text == f"{wanted[value, band].objective:,.2f}"
    marks = [cell.mark for _, cells in rows for cell in cells]
    assert sorted("".join(marks)) == sorted("◎★")
    html = words(html_of(as_ann, f"/sweeps/{sweep.pk}/?sort=sharpe&direction=up"))
    assert sweep.summary["verdict"]["sentence"].capitalize()[:40] in html
    point = sweep.summary["recommended"]["params"]
    filled = as_ann.get(
        f"/backtests/new/?strategy={strategy.pk}&sweep={sweep.pk}&point=recommended"
    ).context["form"]
    values = {one.name: float(one.value) for one in filled.params}
    assert {name: values[name] for name in point} == point


def test_a_point_becomes_a_strategy_of_ones_own(as_ann, ann, search):
    sweep = search()
    as_ann.post(f"/sweeps/{sweep.pk}/act/", {"do": "keep recommended"})
    kept = Strategy.objects.get(owner=ann)
    point = sweep.summary["recommended"]["params"]
    assert {name: kept.params[name] for name in point} == point
    for wrong in ("keep nonsense", "keep 999999", "keep", "fly"):
        as_ann.post(f"/sweeps/{sweep.pk}/act/", {"do": wrong})
    assert Strategy.objects.filter(owner=ann).count() == 1


def test_a_walk_forward_shows_what_the_choice_never_saw_first(as_ann, search):
    walk = search(**WALK)
    outside = walk.summary["out_of_sample"]["metrics"]
    html = words(html_of(as_ann, f"/sweeps/{walk.pk}/"))
    assert html.index("Out of sample") < html.index("Folds")
    assert shown(METRICS["sharpe"], outside["sharpe"]) in html
    assert html.count('class="fold-line"') == walk.folds.count()
    listed = words(html_of(as_ann, "/backtests/"))
    assert "out of sample" in listed
    assert reverse("sweep", args=[walk.pk]) in listed
