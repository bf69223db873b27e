"""Which instruments a headline is about: their names and tickers, as whole words.

A ticker counts in capitals. One that is an ordinary word or another abbreviation as well (LINK,
ADA, ALL) counts with a mark of a ticker (`$LINK`, `LINK/USD`, `(LINK)`, `NASDAQ: ALL`) or beside a
word of its market ("ADA price"). A name counts with its capital letter.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

COINS = {
    "BTC": ("Bitcoin",),
    "ETH": ("Ethereum", "Ether"),
    "BNB": ("BNB Chain", "Binance Coin"),
    "SOL": ("Solana",),
    "XRP": ("Ripple", "XRP Ledger"),
    "ADA": ("Cardano",),
    "DOGE": ("Dogecoin",),
    "AVAX": ("Avalanche",),
    "LINK": ("Chainlink",),
    "LTC": ("Litecoin",),
    "DOT": ("Polkadot",),
    "TRX": ("Tron", "TRON"),
    "XLM": ("Stellar",),
    "BCH": ("Bitcoin Cash",),
    "UNI": ("Uniswap",),
    "ATOM": ("Cosmos",),
    "NEAR": ("Near Protocol", "NEAR Protocol"),
    "APT": ("Aptos",),
    "ARB": ("Arbitrum",),
    "OP": ("Optimism",),
    "FIL": ("Filecoin",),
    "ETC": ("Ethereum Classic",),
    "XMR": ("Monero",),
    "SHIB": ("Shiba Inu",),
    "SUI": ("Sui",),
    "TON": ("Toncoin",),
    "POL": ("Polygon",),
    "AAVE": ("Aave",),
    "HBAR": ("Hedera",),
}
# Tickers that are words, names or other abbreviations as well; all of one or two letters are, too.
WORDY_TEXT = """
    ADA ALL AMP ANY ARE ATOM BAT BIG BOND CAN CASH COMP DASH DAY DIA DOT EAT EOS ETC EVER FAST
    FLOW FOR FORTH FUN GAS GOLD HAS HIGH HOT ICE JUST KEY KEYS LINK LIVE LOW LUNA MANA MASK
    MOVE NEAR NEO NEW NOT NOW ONE OPEN OUT PAY PEOPLE PLAY POL REAL RENDER ROSE RUN SAND SEE
    SKY SNOW STEP STORM SUI SUN SUPER SUSHI TON TRUMP TRUST UNI WAVES WIN YOU ARM BILL CAT
    COST GAP HOOD LOVE MAIN NET PATH PLUS SAFE SHOP TEAM TECH TRIP WELL WORK ZIP
"""
WORDY = frozenset(WORDY_TEXT.split())
NEVER = r"(?!)"
HINT = re.compile(
    r"\b(?:price|tokens?|coins?|crypto|altcoins?|blockchain|whales?|staking|stakers?|DeFi|bulls?|bears?|"
    r"rall(?:y|ies)|holders?|traders?)\b",
    re.IGNORECASE,
)
# Names that are ordinary words: not counted before "of", nor with an article.
WORDY_NAMES = frozenset(
    {"Avalanche", "Stellar", "Cosmos", "Optimism", "Ripple", "Polygon", "Tron", "Sui", "Near"}
    | {"Apple", "Amazon", "Target", "Visa", "Gap", "Block", "Square", "Shell", "Meta"}
)
# "Bitcoin Cash" is not Bitcoin, "Ethereum Classic" not Ethereum.
NOT_BEFORE = {
    "Bitcoin": r"(?!\s+(?:Cash|CASH|SV|Gold|GOLD))",
    "Ethereum": r"(?!\s+(?:Classic|CLASSIC))",
}
COMPANY = re.compile(
    r"[,.]?\s+(?:Inc|Incorporated|Corp|Corporation|Co|Company|Companies|Ltd|Limited|plc|PLC|N\.?V|"
    r"S\.?A|AG|SE|Holdings?|Group|Platforms|Technologies|& Co|Class [A-C]|Common Stock|\.com)"
    r"\.?(?=$|[\s,])|\.com\b.*$"
)
TRUST_OR_FUND = re.compile(r"\b(?:ETF|Trust|Fund|Index)\b")


Patterns = tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]


@dataclass(frozen=True, slots=True)
class Known:
    """One thing that news may be about: `key` is the caller's, `name` may be empty."""

    key: int
    ticker: str
    name: str = ""


class Finder:
    """Finds which of some things a text is about.

    Parameters
    ----------
    things : iterable of Known
        Crypto is known by its ticker's usual names as well, a company by its name without its
        legal form.
    """

    def __init__(self, things: Iterable[Known]) -> None:
        self._patterns = [(one.key, *_patterns(one)) for one in things]

    def find(self, text: str) -> set[int]:
        """Return the keys of what the text is about."""
        is_spoken, is_hinted = not _is_shouted(text), HINT.search(text) is not None
        return {
            key
            for key, marked, plain, wordy in self._patterns
            if marked.search(text)
            or (is_spoken and plain.search(text))
            or (is_spoken and is_hinted and wordy.search(text))
        }


def _patterns(thing: Known) -> Patterns:
    """Return what counts always, what unless all is in capitals, and what with a hint besides."""
    ticker = re.escape(thing.ticker)
    marked = (
        rf"\${ticker}(?![A-Za-z0-9])",
        rf"(?<![A-Za-z0-9]){ticker}[/-](?:USDT?|USDC|EUR|BTC|ETH|PERP)(?![A-Za-z0-9])",
        rf"\((?:[A-Za-z]+:\s*)?{ticker}\)",
        rf"(?:NASDAQ|NYSE|Nasdaq|AMEX):\s*{ticker}(?![A-Za-z0-9])",
    )
    bare = rf"(?<![A-Za-z0-9$./-]){ticker}(?![A-Za-z0-9]|\.[a-z])"
    is_wordy = len(thing.ticker) < 3 or thing.ticker in WORDY
    names = (*COINS.get(thing.ticker, ()), *_names(thing.name))
    plain = [*([] if is_wordy else [bare]), *(_named(name) for name in names)]
    loud = [_named(n.upper()) for n in names if len(n) > 4 and n not in WORDY_NAMES]
    hinted = [bare] if is_wordy and len(thing.ticker) > 1 else []
    marks, words, hints = (
        re.compile("|".join(one) or NEVER) for one in ((*marked, *loud), plain, hinted)
    )
    return marks, words, hints


def _named(name: str) -> str:
    found = rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])"
    if name in WORDY_NAMES:
        found = rf"(?<!\b[Aa]n\s)(?<!\b[Aa]\s){found}(?!\s+of\b)"
    return found + NOT_BEFORE.get(name.capitalize(), "")


def _names(name: str) -> list[str]:
    """Return the name of a company without its legal form, where it says enough."""
    if not name or TRUST_OR_FUND.search(name):
        return []
    short, before = name, ""
    while short != before:
        before, short = short, COMPANY.sub("", short).strip(" ,&")
    return [short] if len(short) > 2 and short[0].isupper() else []


def _is_shouted(text: str) -> bool:
    letters = [one for one in text if one.isalpha()]
    return len(letters) > 12 and sum(one.isupper() for one in letters) > 0.7 * len(letters)
