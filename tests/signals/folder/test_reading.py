"""Files of the strategies folder: what they give, and the sentence of what they may not say."""

import hashlib
import os

import pytest

from signals.strategies.folder import read_file, signature
from signals.strategies.reading import faults

GOOD = '''
from signals.strategies import Entry, Exit, Param, Strategy


class Dip(Strategy):
    """Buy under the average."""

    average = Param(20, low=5, high=100)

    def rules(self, x):
        below = x.close < x.close.sma(self.average)
        stop = x.close - 2 * x.atr(14)
        return (Entry(when={"below": below}, stop=stop), Exit(when={"up": ~below}))
'''


@pytest.fixture
def write(tmp_path):
    def _write(text, name="dip.py"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def test_a_file_gives_its_classes(write):
    path = write(GOOD)
    found = read_file(path)
    assert found.error == ""
    (cls,) = found.classes
    assert cls.__name__ == "Dip"
    assert cls(average=30).params == {"average": 30}
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_version_is_that_of_the_text_that_was_read(write):
    path = write(GOOD)
    (cls,) = read_file(path).classes
    before = cls().version
    path.write_text(GOOD + "# another text\n")
    assert cls().version == before
    (fresh,) = read_file(path).classes
    assert fresh().version != before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = = 1", "line 1: this is not Python: invalid syntax"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        ("x = 1", "it has no class that extends Strategy"),
        ("1 / 0", "line 1: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "line 1: SystemExit is not for strategies"),
        ("raise KeyboardInterrupt", "line 1: KeyboardInterrupt is not for strategies"),
        ('raise ValueError("a\\0b")', "line 1: ValueError: ab"),
        (GOOD.replace("class Dip", "class " + "D" * 81), "a name is a text of 1 to 80 characters"),
        (GOOD.replace("average =", 'name = "x" * 81\n    average ='), "a name is a text of 1 to"),
        (
            GOOD.replace("Strategy):", "Strategy, metaclass=Meta):").replace(
                "class Dip", "class Meta(type):\n    name = property(lambda c: c.x)\n\n\nclass Dip"
            ),
            "Error",
        ),
        (GOOD.replace("sma(self.average)", "lag(-1)"), "a negative lag reads bars"),
        (GOOD.replace("sma(self.average)", "mean()"), "looks at the whole sample"),
        (GOOD.replace("x.close <", "x.clos <"), "x has no clos. Did you mean close?"),
        (GOOD.replace("class Dip", "class TrendPullback"), "the name TrendPullback is taken"),
        (
            "from signals.strategies import Strategy\nclass Idle(Strategy):\n    pass",
            "Idle: it has neither rules nor decide, so it would never act",
        ),
        (b"#" * 200_001, "it has more than 200,000 bytes"),
    ],
)
def test_what_gives_no_class_says_why(write, text, sentence):
    found = read_file(write(text), {"TrendPullback"})
    assert sentence in found.error
    assert found.classes == ()


def test_a_file_that_went_away_says_so(tmp_path):
    assert read_file(tmp_path / "gone.py").error == "it cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import os", "line 1: a strategy does not import os; it may import "),
        ("from pathlib import Path", "line 1: a strategy does not import pathlib;"),
        ("from . import other", "line 1: a strategy does not import .;"),
        ("import signals.models", "line 1: a strategy does not import signals.models;"),
        ("\nopen('x')", "line 2: open is not for strategies: they see columns and nothing else"),
        ("def f():\n    global n\n    n = 1", "line 2: n would be kept from bar to bar;"),
        (
            "def decide(self, b):\n    self.count = 1",
            "line 2: self.count would be kept from bar to bar;",
        ),
        ("def decide(self, b):\n    self.n += 1", "line 2: self.n would be kept from bar to bar;"),
        ("def columns(self, x):\n    x._graph", "line 2: ._graph is a part of the language itself"),
        ("().__class__", "line 1: .__class__ is a part of the language itself"),
    ],
)
def test_what_a_strategy_may_not_say(text, sentence):
    assert any(one.startswith(sentence) for one in faults(text)), faults(text)


@pytest.mark.parametrize(
    "text",
    ["import math", "import numpy as np", "from signals.columns import Space", "self._helper()"],
)
def test_what_it_may_say(text):
    assert faults(text) == []


def test_deep_nesting_is_a_sentence():
    assert len(faults("(" * 5000 + ")" * 5000)) == 1


def test_the_signature_changes_with_a_file(write, tmp_path):
    assert signature(tmp_path / "none") == ()
    write("x = 1", "_private.py")
    assert signature(tmp_path) == ()
    path = write("x = 1")
    first = signature(tmp_path)
    assert [name for name, _, _ in first] == ["dip.py"]
    path.write_text("x = 10")
    assert signature(tmp_path) != first


def test_what_is_no_plain_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "round.py").symlink_to(tmp_path / "round.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    (tmp_path / f"{'n' * 90}.py").write_text(GOOD)
    (tmp_path / "dip.py").write_text(GOOD)
    assert [name for name, _, _ in signature(tmp_path)] == ["dip.py"]
