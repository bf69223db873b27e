"""Parameters are typed, bounded and frozen; a version is code and parameters."""

import math
import re

import pytest

from signals.columns import Verdict
from signals.strategies import Param, ParamError, Strategy, version_hash
from signals.strategies.registry import CLASSES, build
from signals.strategies.smc_confluence import SmcConfluence
from signals.strategies.trend_pullback import TrendPullback


def test_defaults_and_given_values():
    strategy = TrendPullback(fast=9)
    assert strategy.params == {"fast": 9, "slow": 26, "depth": 0.5, "risk": 2.0}
    assert (strategy.fast, strategy.slow) == (9, 26)
    assert isinstance(TrendPullback.fast, Param)
    assert list(TrendPullback.param_specs) == ["fast", "slow", "depth", "risk"]


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"fast": 4}, "fast must lie between 5 and 30, not 4"),
        ({"fast": 31}, "fast must lie between 5 and 30, not 31"),
        ({"fast": 9.5}, "fast must be a whole number, not 9.5"),
        ({"fast": True}, "fast must be a number, not True"),
        ({"fast": "9"}, "fast must be a number, not '9'"),
        ({"risk": math.nan}, "risk must be a number, not nan"),
        ({"risk": math.inf}, "risk must be a number, not inf"),
        ({"fats": 9}, "TrendPullback has no parameter fats; it has fast, slow, depth, risk"),
        ({"timeframe": "7m"}, "timeframe must be one of 1s, 1m"),
        ({"timeframe": 77}, "timeframe must be one of 1s, 1m"),
    ],
)
def test_a_wrong_value_is_refused(params, sentence):
    with pytest.raises(ParamError, match=re.escape(sentence)):
        TrendPullback(**params)


def test_a_value_takes_the_type_of_the_default():
    strategy = TrendPullback(fast=9.0, risk=3)
    assert isinstance(strategy.fast, int)
    assert isinstance(strategy.risk, float)


def test_an_instance_is_frozen():
    strategy = TrendPullback()
    with pytest.raises(ParamError, match="fast is frozen: make another TrendPullback"):
        strategy.fast = 9
    assert strategy.params["fast"] == 12


def test_timeframe_by_name_or_seconds():
    assert TrendPullback().timeframe == "5m"
    assert TrendPullback(timeframe="15m").timeframe == "15m"
    assert TrendPullback(timeframe=900).timeframe == "15m"
    assert SmcConfluence().timeframe == "1m"


def test_parameters_are_inherited_and_may_be_changed():
    class Child(TrendPullback):
        fast = Param(8, low=2, high=10)
        extra = Param(1.5)

    assert Child().params == {"fast": 8, "slow": 26, "depth": 0.5, "risk": 2.0, "extra": 1.5}
    assert TrendPullback().params["fast"] == 12
    assert Child.name == "Child"


def test_the_version_is_code_and_parameters():
    version = version_hash(SmcConfluence, {})
    assert re.fullmatch(r"[0-9a-f]{16}", version)
    assert version == SmcConfluence().version
    assert version == version_hash(SmcConfluence, {"threshold": 0.7})
    assert version != version_hash(SmcConfluence, {"threshold": 0.75})
    assert version != version_hash(TrendPullback, {})

    class Child(SmcConfluence):
        pass

    assert version_hash(Child, {}) != version


def test_a_change_of_code_is_another_version(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = "from signals.strategies import Strategy\nclass Mine(Strategy):\n    limit = {limit}\n"
    versions = set()
    for number, limit in enumerate((1, 2)):
        name = f"mine_{number}"
        (tmp_path / f"{name}.py").write_text(source.format(limit=limit))
        versions.add(version_hash(__import__(name).Mine, {}))
    assert len(versions) == 2


def test_the_registry():
    assert {"SmcConfluence", "TrendPullback"} < set(CLASSES)
    for name, cls in CLASSES.items():
        assert issubclass(cls, Strategy)
        assert cls.__doc__
        assert cls.name
        assert build(name, {}).version == cls().version
    assert build("TrendPullback", {"fast": 9}, timeframe=900).params["fast"] == 9
    with pytest.raises(KeyError):
        build("Nobody", {})
    assert Verdict.ENTER_LONG == "enter_long"
