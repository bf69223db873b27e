"""The pots of one account: where its money and its holdings are counted."""

from dataclasses import dataclass, field

from mystic.lib.prepared import Prepared
from trading.models import Account, LedgerAccount

_pots = Prepared(lambda account: LedgerAccount.objects.filter(account=account))


class ScaleMismatchError(ValueError):
    """Raised when an asset would be counted in two different smallest units."""


@dataclass(slots=True)
class Pots:
    """The pots of one account, read once and made when first needed."""

    account: Account
    _by_name: dict[tuple[str, str], LedgerAccount] = field(default_factory=dict)

    @classmethod
    def of(cls, account: Account) -> "Pots":
        pots = {(pot.asset, pot.kind): pot for pot in _pots.all(account.pk)}
        return cls(account, pots)

    def pot(self, asset: str, kind: str, scale: int) -> LedgerAccount:
        """Return the pot, made where there is none.

        Raises
        ------
        ScaleMismatchError
            If the asset is already counted in units of another scale.
        """
        found = self._by_name.get((asset, kind))
        if found is None:
            found, _ = LedgerAccount.objects.get_or_create(
                account=self.account, asset=asset, kind=kind, defaults={"scale": scale}
            )
            self._by_name[asset, kind] = found
        if found.scale != scale:
            message = f"{asset} is counted with {found.scale} places here, not with {scale}"
            raise ScaleMismatchError(message)
        return found

    def balance(self, asset: str, kind: str) -> int:
        found = self._by_name.get((asset, kind))
        return found.balance if found else 0
