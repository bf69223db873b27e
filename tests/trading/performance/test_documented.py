"""The page of the metrics and the catalogue say the same."""

import re
from pathlib import Path

from trading.performance.catalogue import METRICS, Unit

DOCS = Path(__file__).resolve().parents[3] / "docs"


def rows():
    lines = (DOCS / "metrics.md").read_text().splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if re.match(r"\| `[a-z_0-9]+` \|", line)
    ]


def test_the_page_has_every_metric_in_the_order_of_the_catalogue():
    assert [row[0].strip("`") for row in rows()] == list(METRICS)


def test_the_page_says_what_the_catalogue_says():
    told = {row[0].strip("`"): tuple(row[1:4]) for row in rows()}
    assert told == {one.name: (one.label, str(one.unit), one.about) for one in METRICS.values()}
    assert all(len(row) == 6 and all(row) for row in rows())


def test_every_metric_has_a_sentence_and_a_direction():
    for one in METRICS.values():
        assert one.about.endswith("."), one.name
        assert one.better in {"higher", "lower", "none"}
        assert isinstance(one.unit, Unit)
