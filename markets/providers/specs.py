"""Which trading rules can be kept: what a source tells must fit into the catalogue."""

import re
from collections.abc import Iterable

from markets.providers.base import InstrumentSpec
from mystic.lib.http import Malformed
from mystic.lib.units import LARGEST_UNITS

LARGEST_SCALE = 18
LONGEST_SYMBOL = 40
ASSET = re.compile(r"\w[\w.-]{0,19}")


def storable(specs: Iterable[InstrumentSpec]) -> list[InstrumentSpec]:
    """Return the rules that can be kept; an instrument whose names cannot be is left out.

    Raises
    ------
    Malformed
        If a rule is a number that does not fit: the answer is then believed in nothing, so that
        what was known stays.
    """
    found = [spec for spec in specs if _has_names(spec)]
    for spec in found:
        units = (spec.tick, spec.step, spec.min_quantity, spec.min_notional)
        scales = (spec.base_scale, spec.quote_scale, spec.price_scale)
        is_whole = spec.tick > 0 and spec.step > 0
        is_possible = all(0 <= one <= LARGEST_UNITS for one in units)
        if not (is_whole and is_possible and all(0 <= s <= LARGEST_SCALE for s in scales)):
            raise Malformed(f"the trading rules of {spec.symbol} cannot be")
    return found


def _has_names(spec: InstrumentSpec) -> bool:
    return (
        ASSET.fullmatch(spec.base) is not None
        and ASSET.fullmatch(spec.quote) is not None
        and 0 < len(spec.native_id) <= LONGEST_SYMBOL
        and spec.native_id.isprintable()
        and len(spec.symbol) <= LONGEST_SYMBOL
    )
