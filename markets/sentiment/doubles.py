"""By what a story is known again: its id, its link, its title, or a title nearly the same."""

import hashlib
import re
from dataclasses import dataclass

# The name of the paper that many feeds put behind a title: "... - CoinDesk", "... | Decrypt".
PAPER = re.compile(r"\s+[-\u2013\u2014|]\s+[^-\u2013\u2014|]{2,40}$")
WORD = re.compile(r"[a-z0-9]+(?:[.,][0-9]+)*")
SMALL = frozenset({"a", "an", "the", "of", "to", "in", "on", "as", "at", "for", "and", "is", "its"})
TURNING = frozenset({"no", "not", "never", "without", "denies", "fails", "rejects", "up", "down"})
LEAST_WORDS = 4
ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class Story:
    """The words of a title: `words` all of them, `figures` those with a digit."""

    words: frozenset[str]
    figures: frozenset[str]

    @classmethod
    def of(cls, title: str) -> "Story":
        """Return the words of a title without the small ones and without the paper's name."""
        text = PAPER.sub("", title).lower().replace("\u2019", "'").replace("'s", "")
        words = frozenset(WORD.findall(text)) - SMALL
        return cls(words, frozenset(one for one in words if any(c.isdigit() for c in one)))

    def is_like(self, other: "Story") -> bool:
        """Tell whether two titles tell one story.

        They share at least four words and four fifths of all (Jaccard), every figure, and
        the words that turn a sentence round.
        """
        if self.figures != other.figures or self.words & TURNING != other.words & TURNING:
            return False
        shared = len(self.words & other.words)
        return shared >= LEAST_WORDS and shared >= ALIKE * len(self.words | other.words)


def item_key(*, feed: str, guid: str, link: str, title: str) -> str:
    """Return the hash by which an item is known again: of its id, else its link, else its title.

    An id counts within its feed only, for many are mere numbers. The link is a cleaned one.
    """
    if guid:
        told = f"guid\n{feed}\n{guid}"
    elif link:
        told = f"link\n{link}"
    else:
        told = "title\n" + " ".join(sorted(Story.of(title).words))
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
