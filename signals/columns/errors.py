"""Errors of the column language: sentences that say what was tried and why it cannot be."""


class ColumnError(Exception):
    """A strategy asks for something that a causal column cannot be."""


class UnreadFeedError(ColumnError):
    """A feed that could be read and is not read here: an installation's matter, not a mistake."""


class UnknownColumnError(ColumnError, AttributeError):
    """A name that does not exist; an AttributeError too, so that `hasattr` keeps its meaning."""


class UnreadyModelError(ColumnError):
    """A trained model cannot speak here yet: a matter of the installation, or of time.

    Attributes
    ----------
    through : int or None
        Up to this close it stays silent, UTC epoch seconds; None where nobody knows until when.
    """

    def __init__(self, sentence: str, through: int | None = None) -> None:
        super().__init__(sentence)
        self.through = through


class BadBarsError(ValueError):
    """The series holds a bar that cannot be: nothing is concluded from it."""
