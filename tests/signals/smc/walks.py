"""Bars on a coarse grid, so that equal highs, lows and closes are frequent."""

import numpy as np
from hypothesis import strategies as st

from signals.columns import ArrayBars


@st.composite
def walks(draw, most=90):
    size = draw(st.integers(1, most))
    moves = st.lists(st.integers(-3, 3), min_size=size, max_size=size)
    wicks = st.lists(st.integers(0, 2), min_size=size, max_size=size)
    gaps = st.lists(st.sampled_from((0, 0, 0, -2, 2)), min_size=size, max_size=size)
    price, rows = 100.0, []
    for move, up, down, gap in zip(draw(moves), draw(wicks), draw(wicks), draw(gaps), strict=True):
        open_ = price + gap
        price = open_ + move
        rows.append((open_, max(open_, price) + up, min(open_, price) - down, price))
    table = np.array(rows)
    opens = np.arange(size, dtype=np.int64) * 60
    return ArrayBars(opens, *table.T, np.ones(size))
