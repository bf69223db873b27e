"""Refusals of research: a sentence, and the place in what was asked."""


class ResearchError(ValueError):
    """Research that cannot be; the sentence says what was found and what to do.

    Attributes
    ----------
    place : str
        Where in what was asked, as a JSON pointer: `/symbols`, `/params/fast`; empty for all of it.
    """

    def __init__(self, sentence: str, place: str = "") -> None:
        super().__init__(sentence)
        self.place = place
