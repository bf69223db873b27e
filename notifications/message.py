"""One alert as it travels to one address; nothing here knows a row."""

from dataclasses import dataclass
from typing import Any

REPEAT_MARK = "(may be a repeat)"


@dataclass(frozen=True, slots=True)
class Message:
    """One alert on its way to one address; `title`, `body` and `origin` are plain text.

    `code` is the same in every repeat, `provenance` is what the live page is sent.
    """

    alert_id: int
    user_id: int
    address: str
    code: str
    kind: str
    severity: str
    title: str
    body: str
    origin: str
    url: str
    settings_url: str
    is_repeat: bool
    provenance: dict[str, Any]

    @property
    def marked_title(self) -> str:
        return f"{self.title} {REPEAT_MARK}" if self.is_repeat else self.title
