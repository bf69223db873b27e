"""From the rows of trained models to the shelf that the language reads."""

import logging
import threading

from signals.columns.errors import ColumnError
from signals.forecasting.shelf import ShelvedModel, shelf
from signals.forecasting.trees import TreesError, open_trees
from signals.models import ForecastModel
from signals.samples import described

log = logging.getLogger(__name__)
_turn = threading.Lock()


def models_shelve() -> None:
    """Bring the shelf of this process up to date: one small query, trees only of new versions.

    A model whose trees are damaged is lost: what depends on it says so, everything else goes on.
    """
    ready = ForecastModel.objects.filter(state=ForecastModel.State.READY)
    stored = {
        name: (version, pk) for name, version, pk in ready.values_list("name", "version", "pk")
    }
    with _turn:
        known = shelf.versions()
        for name in set(known) - set(stored):
            shelf.remove(name)
        for name, (version, pk) in stored.items():
            if known.get(name) != version:
                _shelve(pk)


def _shelve(pk: int) -> None:
    row = ForecastModel.objects.filter(pk=pk).first()
    if row is None or row.trained_through is None:
        return
    try:
        shelf.put(shelved_of(row))
    except (TreesError, ColumnError) as fault:
        shelf.lose(row.name, row.version, str(fault))
        ForecastModel.objects.filter(pk=pk).update(error=str(fault)[:500])
        log.warning("a trained model cannot be used: %s", fault, extra={"model": str(row)})


def shelved_of(row: ForecastModel) -> ShelvedModel:
    """Return a ready row's model, opened.

    Raises
    ------
    TreesError
        If its trees are missing, damaged or not those that were trained.
    ColumnError
        If one of its features is no longer a column.
    """
    names = row.metrics.get("names", ())
    if set(names) != set(row.features):
        raise TreesError("its features are not those that it was trained on; train it anew")
    texts = {name: row.features[name] for name in names}
    scorer = open_trees(
        bytes(row.direction_trees or b""),
        bytes(row.quantile_trees or b""),
        digest=row.digest,
        names=names,
        calibration=row.metrics.get("calibration"),
    )
    return ShelvedModel(
        row.name,
        row.version,
        row.timeframe,
        row.horizon,
        row.trained_through or 0,
        described(texts),
        texts,
        scorer,
    )
