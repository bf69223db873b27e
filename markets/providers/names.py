"""Names that may stand in an address: one check for every source that is asked by a name."""

import re
from collections.abc import Iterable
from unicodedata import is_normalized

from mystic.lib.http import Refused

LONGEST = 60
# Letters may be of any alphabet: an exchange lists pairs that are written in Chinese.
PAIR = re.compile(r"\w+(?:[.-]\w+)*")
# What people write to find a stock: its ticker, or words of a company's name.
SEARCHED = re.compile(r"(?=.*[^\W\d_])[\w.&'-]+(?: [\w.&'-]+)*")


def checked_name(name: str, pattern: re.Pattern[str], *, what: str, like: str) -> str:
    """Return a name that may stand in an address.

    A name that only looks like another, as one in full-width letters does, is refused too.

    Raises
    ------
    Refused
        If it is longer than 60 characters or is not of the form `pattern`; `like` is an example.
    """
    is_name = len(name) <= LONGEST and pattern.fullmatch(name) is not None
    if not is_name or not is_normalized("NFKC", name):
        raise Refused(f"{name[:30]!a} is no {what}; one looks like {like}")
    return name


def checked_search(text: str) -> str:
    """Return what may be searched at a source, with single spaces.

    Raises
    ------
    Refused
        If it is neither a ticker nor words of a name.
    """
    words = " ".join(text.split())
    return checked_name(words, SEARCHED, what="ticker or name of a company", like="AAPL or Apple")


def check_pairs(names: Iterable[str], *, what: str, like: str) -> None:
    """Raise `Refused` for the first that cannot be a pair of an exchange."""
    for name in names:
        checked_name(name, PAIR, what=what, like=like)
