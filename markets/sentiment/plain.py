"""Foreign text made harmless: plain words, and links that lead to the web or nowhere."""

import re
import unicodedata
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

MOST_READ = 20_000
SILENT = frozenset({"script", "style", "head", "title", "template", "noscript", "iframe", "svg"})
BREAKING = frozenset({"p", "br", "div", "li", "td", "tr", "h1", "h2", "h3", "blockquote"})
# Marks of a campaign: the same page is meant without them.
TRACKING = re.compile(r"^(utm_\w+|fbclid|gclid|mc_cid|mc_eid|ref|ref_src|cmpid)$", re.IGNORECASE)
LONGEST_LINK = 500


class _Words(HTMLParser):
    """Keeps what a reader would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent += 1
        elif tag in BREAKING:
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in BREAKING:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def plain_text(text: str, longest: int) -> str:
    """Return the words of a text that may be HTML, on one line, at most `longest` characters.

    Tags and what scripts hold are left out; text that was escaped twice is unescaped and its tags
    are left out too. The result is text: a page still has to escape it.
    """
    found = text[:MOST_READ]
    for _ in range(2):
        parser = _Words()
        parser.feed(found)
        parser.close()
        again = "".join(parser.words)
        if again == found:
            break
        found = again
    found = "".join(" " if _is_unseen(one) else one for one in unescape(found))
    found = " ".join(found.split())
    return found if len(found) <= longest else found[: longest - 1].rstrip() + "…"


def _is_unseen(one: str) -> bool:
    """Tell whether a character is a control: line ends, NUL, marks that turn the writing round."""
    return unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def clean_link(link: str) -> str:
    """Return an http or https address without campaign marks; anything else is empty."""
    text = link.strip()
    if len(text) > LONGEST_LINK or any(_is_unseen(one) or one.isspace() for one in text):
        return ""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        return ""
    host = f"[{host}]" if ":" in host else host
    query = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in query if not TRACKING.match(name)]
    found = urlunsplit((parts.scheme, host + port, parts.path, urlencode(kept), ""))
    return found if len(found) <= LONGEST_LINK else ""
