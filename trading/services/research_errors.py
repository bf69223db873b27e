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


def sentence_of(fault: MemoryError | SystemExit) -> str:
    """Say why work ended for good that took all memory, or whose strategy ended the process."""
    if isinstance(fault, MemoryError):
        return (
            "It wanted more memory than a process of research may have "
            "(MYSTIC_RESEARCH_MEMORY_MB); choose fewer symbols, a shorter span or longer bars."
        )
    return f"The code of the strategy ended its process (exit {fault.code}); take that out."
