"""What strangers ask of research: each wrong wish is a problem with a place, nothing is written."""

import json
import os

import pytest

from signals.models import Strategy
from tests.api.conftest import PROBLEM, Program, token_of
from tests.signals.app.conftest import START
from tests.trading.research.conftest import BARS, MINUTE, row_of
from trading.models import BacktestRun, Fold, Sweep, Trial

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        "DATABASE_URL" in os.environ, reason="refused before any database is asked: once is enough"
    ),
]
RUNS, SWEEPS, TOGETHER = (
    "/api/v1/backtests",
    "/api/v1/sweeps",
    "/api/v1/backtests/combined",
)
HUGE = (10**18, 2**63, 2**64, 10**39, -(2**63))
ODD = (None, True, 1, 1.5, "x", [], {}, [[]], {"a": {"b": 1}}, "1e9", *HUGE)
RIGHT = {
    "cash": ("1", repr(10**18)),
    "taker_ppm": ("1", "None"),
    "is_post_only": ("True",),
    "limits": ("{}",),
}
FIRST, LAST = str(START + 2_000 * MINUTE), str(START + (BARS - 1) * MINUTE)


@pytest.fixture
def program(ann):
    return Program(token_of(ann))


@pytest.fixture
def bodies(stored, strategy):
    """One right wish for each door."""
    shared = {"from": FIRST, "through": LAST}
    alone = {"strategy": strategy.pk, "symbols": ["BTC/USDT"]}
    search = {"kind": "sweep", "space": {"bars": {"values": [10, 20]}}, "min_trades": 1}
    return {
        RUNS: alone | shared,
        SWEEPS: alone | shared | search,
        TOGETHER: {"parts": [alone, alone | {"params": {"bars": 30}}]} | shared,
    }


def rows():
    return [model.objects.count() for model in (BacktestRun, Sweep, Trial, Fold, Strategy)]


def assert_refused(program, path, body, *, allowed=(400, 404, 413, 422)):
    """Assert a problem with a place and a sentence, and nothing written."""
    before = rows()
    answer = program.post(path, body)
    told = f"{path} {json.dumps(body)[:300]}: {answer.status_code} {answer.content[:500]}"
    assert answer.status_code in allowed, told
    assert answer["Content-Type"] == PROBLEM, told
    problem = answer.json()
    assert problem["detail"], told
    assert rows() == before, told
    for one in problem["errors"]:
        assert one["pointer"].startswith("/"), told
        assert one["detail"], told
    for word in ("Traceback", "__init__", "NoneType", "argument", "object at 0x"):
        assert word not in answer.content.decode(), told
    return problem


def each(program, path, body, wrong):
    """Refuse every wrong body; show all that are not."""
    faults = []
    for changes in wrong:
        try:
            problem = assert_refused(program, path, body | changes)
            assert problem["errors"] or problem["status"] == 413, (
                f"no place: {json.dumps(changes)[:200]} {problem['detail']}"
            )
        except AssertionError as fault:
            faults.append(str(fault).splitlines()[0][:400])
    assert not faults, "\n".join(faults)


def wrong_of_all():
    """Return what every door refuses."""
    yield from ({"from": one} for one in ODD)
    yield from ({"through": one} for one in ODD)
    yield from ({"name": one} for one in ODD if not isinstance(one, str))
    yield from ({"name": one} for one in ("n" * 81, "n" * 200_000))
    yield from ({"assumptions": one} for one in ODD if one != {})
    yield from (
        {"assumptions": {name: one}}
        for name in ("cash", "taker_ppm", "entry", "stops", "is_post_only", "limits", "scale")
        for one in ODD
        if repr(one) not in RIGHT.get(name, ())
    )
    yield from ({"assumptions": {"limits": {"stop_ppm": one}}} for one in ODD if repr(one) != "1")
    yield {"assumptions": {"limits": {"no such": 1}}}
    yield {"assumptions": {"__class__": 1}}
    yield {"assumptions": {"to_json": 1}}
    yield {"from": LAST, "through": FIRST}
    yield {"from": "2023-11-16T20:00:00"}
    yield {"from": "-1"}
    yield {"from": "0", "through": "1"}
    yield {"from": str(10**12), "through": str(10**12)}
    yield {"from": "1999-01-01T00:00:00Z", "through": "1999-02-01T00:00:00Z"}
    yield {"through": "9999-12-31T23:59:59Z"}
    yield {"unknown": 1}


def wrong_of_one():
    """Return what the doors for one strategy refuse besides."""
    yield from ({"strategy": one} for one in ODD if one != 1)
    yield from ({"strategy": one} for one in (0, -1, 999_999))
    yield from ({"symbols": one} for one in ODD)
    yield from ({"symbols": [one]} for one in ODD)
    yield {"symbols": ["BTC/USDT"] * 10_000}
    yield {"symbols": [f"S{n}/U" for n in range(10_000)]}
    yield {"symbols": ["BTC/USDT", "btcusdt"]}
    yield {"symbols": ["B" * 41]}
    yield from ({"params": one} for one in ODD if one != {})
    yield from ({"params": {"bars": one}} for one in ODD if one not in (1,))
    yield {"params": {"": 1}}
    yield {"params": {"bars": [20]}}
    yield {"params": {"b" * 10_000: 1}}
    yield {"params": {"bars/../x": 1}}


@pytest.mark.parametrize("path", [RUNS, SWEEPS, TOGETHER])
def test_every_door_refuses_what_cannot_be(program, bodies, path):
    each(program, path, bodies[path], wrong_of_all())


@pytest.mark.parametrize("path", [RUNS, SWEEPS])
def test_strategies_symbols_and_parameters_that_cannot_be(program, bodies, path):
    each(program, path, bodies[path], wrong_of_one())


def test_parts_that_cannot_be(program, bodies):
    body = bodies[TOGETHER]
    right = body["parts"][0]
    wrong = [{"parts": one} for one in ODD]
    wrong += [{"parts": [right]}, {"parts": [right] * 9}, {"parts": [right] * 2_000}]
    wrong += [{"parts": [right, one]} for one in ODD]
    wrong += [{"parts": [right, right | changes]} for changes in wrong_of_one()]
    each(program, TOGETHER, body, wrong)


def wrong_searches():
    yield from ({"space": one} for one in ODD)
    for name in ("bars", "band", "assumptions.stop_ppm", "assumptions.entry"):
        yield from ({"space": {name: one}} for one in ODD if one != {})
        yield from ({"space": {name: {"values": one}}} for one in ODD)
        yield from ({"space": {name: {"values": [one]}}} for one in ODD if not is_fit(name, one))
        for word in ("low", "high", "step"):
            yield from (
                {"space": {name: {"low": 10, "high": 20, "step": 1, word: one}}}
                for one in (True, "x", [], {}, -1, 0 if word == "step" else 10**18)
            )
    yield {"space": {"bars": {"low": 30, "high": 10, "step": 1}}}
    yield {"space": {"bars": {"low": 10, "high": 20, "step": 0.5}}}
    yield {"space": {"bars": {"low": 10, "high": 20, "step": 1e-300}}}
    yield {"space": {"band": {"low": 1, "high": 3, "step": 1e-12}}}
    yield {"space": {"bars": {"low": 2, "high": 500}, "band": {"low": 0.5, "high": 4.0,
                                                              "step": 0.004}}}  # fmt: skip
    yield {"space": {f"assumptions.{name}": {"low": 1, "high": 1_000, "step": 1}
                     for name in ("stop_ppm", "take_milli", "position_ppm")}}  # fmt: skip
    yield {"space": {f"p{n}": {"values": [1]} for n in range(13)}}
    yield {"space": {"none": {"values": [1]}}}
    yield {"space": {"assumptions.taker_ppm": {"values": [0]}}}
    yield {"space": {"assumptions.": {"values": [0]}}}
    yield {"space": {"bars": {"values": [10, 10]}}}
    yield {"space": {"bars": {"values": list(range(2, 5_000))}}}
    right = {"bars": {"values": [10, 20]}}
    yield from ({"space": right | {"where": one}} for one in ODD if one != [])
    yield from ({"space": right | {"where": [one]}} for one in ODD)
    yield from (
        {"space": right | {"where": [one]}}
        for one in ("bars < nan", "bars < 10", "x < y", "bars < " + "9" * 100_000, "bars<<1")
    )
    yield from ({"method": one} for one in (*ODD, "genetic"))
    yield from ({"kind": one} for one in (*ODD, "both"))
    yield from ({"objective": one} for one in (*ODD, "luck", "o" * 41, "trades; drop"))
    random = {"method": "random"}
    yield from (random | {"points": one} for one in ODD if one != 1)
    yield from (random | {"points": one} for one in (0, -1, 20_001))
    yield from ({"seed": one} for one in (None, True, 1.5, "7", [], -1, *HUGE))
    yield from ({"min_trades": one} for one in (None, True, 1.5, "7", [], -1, *HUGE))
    walk = {"kind": "walk_forward"}
    yield from (walk | {"walk": one} for one in ODD if one != {})
    for word in ("train_days", "test_days", "purge_bars", "embargo_days", "scheme", "choose"):
        yield from (walk | {"walk": {"train_days": 1, "test_days": 1, word: one}}
                    for one in (None, True, 1.5, "x", [], {}, -1, *HUGE))  # fmt: skip
    yield walk | {"walk": {"train_days": 300, "test_days": 30}}
    yield walk | {"walk": {"train_days": 0, "test_days": 0}}


def is_fit(name, one):
    """Say whether a value is one that a dimension may have."""
    if name == "assumptions.stop_ppm":
        return one == 1 and one is not True
    return name == "band" and one in (1, 1.5) and one is not True


def test_searches_that_cannot_be(program, bodies):
    each(program, SWEEPS, bodies[SWEEPS], wrong_searches())


def test_right_wishes_are_taken(program, bodies):
    for path, body in bodies.items():
        answer = program.post(path, body)
        assert answer.status_code == 202, answer.content


@pytest.mark.parametrize("path", [RUNS, SWEEPS, TOGETHER])
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ('{"params": ' + '{"a":' * 40 + "1" + "}" * 41, 400),
        ('{"name": "' + "n" * 1_000_000 + '"}', 413),
        ('{"params": {"bars": NaN}}', 400),
        ('{"params": {"bars": Infinity}}', 400),
        ('{"params": {"bars": 1e999}}', 400),
        ('{"name": "a\\u0000b"}', 400),
        ('{"name": "a\\u202eb"}', 400),
        ('{"name": "\\ud83d"}', 400),
        ("[]", 400),
        ("", 400),
    ],
)
def test_text_that_is_no_wish(program, bodies, path, raw, status):
    before = rows()
    answer = program.send("POST", path, raw)
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
    assert rows() == before


def test_bars_that_do_not_make_the_strategys_are_refused(program, bodies):
    odd = row_of("MeanReversion", timeframe=86_400)
    Strategy.objects.filter(pk=odd.pk).update(timeframe=90)
    assert_refused(program, RUNS, bodies[RUNS] | {"strategy": odd.pk})
    assert_refused(program, SWEEPS, bodies[SWEEPS] | {"strategy": odd.pk})


def test_queries_that_cannot_be(program, bodies, ann):
    run = program.post(RUNS, bodies[RUNS]).json()["data"]["id"]
    sweep = program.post(
        SWEEPS, bodies[SWEEPS] | {"space": {"bars": {"values": [10]}, "band": {"values": [2.0]}}}
    ).json()["data"]["id"]
    numbers = ("-1", "x", "", "1.5", "%00", "9" * 19, "9" * 30, str(2**63), "%D9%A1")
    queries = [f"{RUNS}?before={one}" for one in numbers]
    queries += [f"{RUNS}?limit={one}" for one in ("0", *numbers)]
    queries += [f"{RUNS}?archived={one}" for one in ("1", "True", "")]
    queries += [f"{RUNS}/compare?ids={one}" for one in ("", "1", "1,", f"{run},{run}", "1,x",
                f"{run},{2**62}", "1,2,3,4,5,6,7,8,9", f"{run},{10**30}")]  # fmt: skip
    queries += [f"{SWEEPS}/{sweep}/trials?{word}={one}" for word in ("after", "limit", "fold")
                for one in numbers if one not in ("9" * 19,)]  # fmt: skip
    queries += [f"{SWEEPS}/{sweep}/heat-map?x={one}&y=bars" for one in ("none", "where", "")]
    queries += [f"{SWEEPS}/{sweep}/heat-map?x=band&y=bars&fold=x"]
    queries += [f"{SWEEPS}/{sweep}/trials?order=params", f"{SWEEPS}?kind=both"]
    queries += [f"{path}/{one}" for path in (RUNS, SWEEPS) for one in (0, 2**62, 2**63, 10**30)]
    faults = []
    for query in queries:
        answer = program.get(query)
        if answer.status_code not in (400, 404) or answer["Content-Type"] != PROBLEM:
            faults.append(f"{query}: {answer.status_code}")
    assert faults == []
    for word in ("after", "fold", "limit"):
        answer = program.get(f"{SWEEPS}/{sweep}/trials?{word}={10**18}")
        assert answer.status_code in (200, 400)
