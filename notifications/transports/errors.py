"""How a transport may fail, and what is to be done about it."""


class TransportError(Exception):
    """Raised when a message did not get through; the text is fit for the user's page."""


class TemporaryError(TransportError):
    """Raised when the message surely was not delivered and may be tried again later.

    `retry_after_s` is the provider's own word.
    """

    def __init__(self, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class UnknownOutcomeError(TransportError):
    """Raised when the provider may have taken the message and never said so.

    `repeats` says how often a message may be sent again on such an outcome.
    """

    def __init__(self, reason: str, *, repeats: int = 5) -> None:
        super().__init__(reason)
        self.repeats = repeats


class PermanentError(TransportError):
    """Raised when trying again cannot help; `is_channel_dead` when no message can get through."""

    def __init__(self, reason: str, *, is_channel_dead: bool) -> None:
        super().__init__(reason)
        self.is_channel_dead = is_channel_dead
