"""Every word an author can write stands in the documentation."""

import re
from pathlib import Path

import pytest

from signals.columns.column import METHODS
from signals.columns.space import NAMES

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture(scope="module")
def text():
    return "\n".join(page.read_text() for page in DOCS.glob("*.md"))


def test_every_word_of_a_column_is_documented(text):
    assert [name for name in METHODS if not re.search(rf"\.{name}\b", text)] == []


def test_every_word_of_x_is_documented(text):
    assert [name for name in NAMES if not re.search(rf"\bx\.{name}\b", text)] == []


def test_every_word_on_one_column_has_its_row():
    rows = [line for line in (DOCS / "indicators.md").read_text().splitlines() if line[:3] == "| `"]
    words = " ".join(row.split("|")[1] for row in rows)
    assert [name for name in METHODS if not re.search(rf"\.{name}\b", words)] == []
