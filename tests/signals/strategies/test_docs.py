"""Each strategy has its page, and what the page says of its parameters is what the code says."""

import re
from pathlib import Path

import pytest

from signals.strategies import TextParam
from signals.strategies.registry import BUILT_IN

DOCS = Path(__file__).resolve().parents[3] / "docs"
ROW = re.compile(r"\| `(\w+)` \| (.*) \|")
PARTS = ("## Rules", "## Parameters", "## When it fails", "## What it needs", "## Source")


def file_of(cls):
    return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower() + ".md"


def shown(value):
    return "" if value is None else str(value)


@pytest.mark.parametrize("cls", BUILT_IN)
def test_a_strategy_has_its_page_and_its_table_is_true(cls):
    page = (DOCS / "strategies" / file_of(cls)).read_text()
    assert page.startswith(f"# {cls.name}\n")
    assert f"`{cls.__name__}`, {cls.timeframe};" in page
    found = {name: rest.split(" | ") for name, rest in ROW.findall(page)}
    assert list(found) == list(cls.param_specs)
    for name, spec in cls.param_specs.items():
        default, low, high, unit, label = (one.strip() for one in found[name])
        assert (default, unit, label) == (str(spec.default), spec.unit, spec.label)
        assert (low, high) == (shown(spec.low), shown(spec.high))
        assert label
        assert isinstance(spec, TextParam) or (low and high)


@pytest.mark.parametrize("cls", BUILT_IN)
def test_a_page_says_when_it_fails_what_it_needs_and_who_said_so(cls):
    page = (DOCS / "strategies" / file_of(cls)).read_text()
    places = [page.index(part) for part in PARTS]
    assert places == sorted(places)
    for part in PARTS:
        assert len(page.partition(part)[2].partition("\n## ")[0].strip()) > 20
    for symbol in re.findall(r"\]\((?!http)([^)#]+)", page):
        assert (DOCS / "strategies" / symbol).exists()


def test_the_overview_lists_every_strategy_and_no_page_is_left_over():
    overview = (DOCS / "strategies.md").read_text()
    rows = re.findall(r"\| \[(.+?)\]\(strategies/(.+?)\) \| `(\w+)` \| (\w+) \| (\w+) \|", overview)
    of = {("crypto", "stock"): "both", ("crypto",): "crypto", ("stock",): "stocks"}
    wanted = {
        (cls.name, file_of(cls), cls.__name__, cls.timeframe, of[cls.asset_classes])
        for cls in BUILT_IN
    }
    assert set(rows) == wanted
    # Market making has no class: the process that streams serves it.
    assert {path.name for path in (DOCS / "strategies").glob("*.md")} == {
        "market-making.md",
        *(file_of(cls) for cls in BUILT_IN),
    }
