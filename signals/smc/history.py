"""The bars a detector may still have to look at again."""

TRIM_AT = 512


class History:
    """Highs, lows and open times by position, forgetting the positions nobody needs.

    Attributes
    ----------
    first : int
        The position of the first bar that is still in the lists.
    """

    __slots__ = ("first", "highs", "lows", "times")

    def __init__(self) -> None:
        self.first = 0
        self.highs: list[float] = []
        self.lows: list[float] = []
        self.times: list[int] = []

    def forget_before(self, index: int) -> None:
        """Drop what lies before a position, once there is enough of it to be worth it."""
        count = index - self.first
        if count >= TRIM_AT:
            del self.times[:count], self.highs[:count], self.lows[:count]
            self.first = index
