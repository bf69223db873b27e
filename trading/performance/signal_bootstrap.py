"""Whether a signal knows anything: its bars against the drift of the market, by bootstrap.

White (2000) and Aronson (2006): the drift is taken out of the market's returns, so that being in
the market at random earns nothing; then the mean of the bars held is drawn again many times. The
mean position is taken out too: it changes no mean, and without it the test is too strict for a
signal that is in the market often.
"""

from dataclasses import dataclass

import numpy as np

from trading.performance.resampling import block_length, block_sums
from trading.performance.types import FigureError, Floats

SAMPLES = 2_000
MOST_BLOCKS = 5_000  # of a sample: longer series are drawn in longer blocks


@dataclass(frozen=True, slots=True)
class SignalTest:
    """What the bars in position made more than the market's drift.

    Attributes
    ----------
    mean : float
        Return a bar, over all bars, with the drift taken out.
    p_value : float
        How often a signal that knows nothing does at least as well.
    held : float
        Share of the bars in position.
    block : float
        Mean length of the blocks that were drawn.
    """

    mean: float
    p_value: float
    held: float
    block: float
    samples: int

    @property
    def sentence(self) -> str:
        """Say it for people."""
        if self.held == 0:
            return "nothing can be said: the signal was never in the market"
        least = 1.0 / (self.samples + 1)
        share = f"below {least:.2g}" if self.p_value <= least else f"{self.p_value:.2g}"
        word = "it holds up" if self.p_value <= 0.05 else "nothing here"
        return f"{word}: a signal that knows nothing does as well with probability {share}"


def signal_test(
    returns: Floats,
    position: Floats,
    *,
    seed: int,
    samples: int = SAMPLES,
    block: float | None = None,
) -> SignalTest:
    """Test the bars held; `position` is what was held during each bar, -1 to 1.

    Parameters
    ----------
    returns : floats
        The market's return of each bar, one instrument.
    position : floats
        Decided before the bar began: a decision on a bar's close belongs to the next element.
    block : float, optional
        Mean length of the blocks; without it, it follows from the series, and no sample has more
        than 5,000 of them.
    """
    if len(returns) != len(position) or not len(returns):
        raise FigureError(
            f"{len(returns)} returns and {len(position)} positions: give one of each for every bar"
        )
    apart = position - position.mean()
    if float(np.abs(apart).max()) <= 1e-12:  # always the same position: nothing was decided
        apart = np.zeros(len(position))
    made = apart * (returns - returns.mean())
    mean = float(made.mean())
    length = max(block_length(made), len(made) / MOST_BLOCKS) if block is None else block
    rng = np.random.default_rng(seed)
    sums = block_sums(made - mean, samples=samples, block=length, rng=rng)
    beaten = int((sums / len(made) >= mean).sum())
    return SignalTest(
        mean=mean,
        p_value=(1 + beaten) / (samples + 1),
        held=float(np.mean(position != 0)),
        block=length,
        samples=samples,
    )
