"""A query of one number, composed once: for reads so frequent that composing them costs most."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import FETCH_ONE, Model, QuerySet
from django.db.models.query import get_related_populators

# Stands for the number while the query is composed; no query may hold it as a constant.
PLACEHOLDER = 1_618_033_989


class Prepared[M: Model]:
    """Rows that `rows(number)` would give, without composing the query at every call.

    Each thread composes its own with its own connection. The query may join by
    `select_related`; it must give whole rows and hold nothing else that changes.

    Parameters
    ----------
    rows : callable
        Makes the queryset of a number, such as the id of an account.
    """

    def __init__(self, rows: Callable[[int], QuerySet[M]]) -> None:
        self._rows = rows
        self._local = threading.local()

    def all(self, number: int) -> list[M]:
        """Return the rows of this number, read now."""
        composed: _Composed | None = getattr(self._local, "composed", None)
        if composed is None:
            composed = self._local.composed = _Composed(self._rows(PLACEHOLDER))
        return composed.read(number)

    def first(self, number: int) -> M | None:
        """Return the first row of this number, None where there is none."""
        return next(iter(self.all(number)), None)

    def get(self, number: int) -> M:
        """Return the one row of this number.

        Raises
        ------
        Model.DoesNotExist
            If there is none.
        """
        found = self.first(number)
        if found is None:
            model: type[Any] = self._rows(number).model
            message = f"{model.__name__} of {number} does not exist"
            raise model.DoesNotExist(message)
        return found


class _Composed:
    """One query as this thread's connection wants it, and how its rows become objects."""

    def __init__(self, rows: QuerySet[Any]) -> None:
        self._compiler = rows.query.get_compiler(using=connection.alias)
        self._sql, self._params = self._compiler.as_sql()
        select, info = self._compiler.select, self._compiler.klass_info
        fields: Sequence[int] = info["select_fields"]
        self._model: type[Any] = info["model"]
        self._columns = slice(fields[0], fields[-1] + 1)
        self._names = [one[0].target.attname for one in select[self._columns]]
        self._is_locking = rows.query.select_for_update
        self._related = get_related_populators(info, select, connection.alias, FETCH_ONE)
        self._converters = self._compiler.get_converters([one[0] for one in select])

    def read(self, number: int) -> list[Any]:
        if self._is_locking and not connection.in_atomic_block:
            message = "rows are locked inside a transaction only"
            raise transaction.TransactionManagementError(message)
        params = [type(one)(number) if one == PLACEHOLDER else one for one in self._params]
        with connection.cursor() as cursor:
            cursor.execute(self._sql, params)
            rows = cursor.fetchall()
        found = []
        for row in self._compiler.apply_converters(rows, self._converters):
            made = self._model.from_db(
                connection.alias, self._names, row[self._columns], fetch_mode=FETCH_ONE
            )
            for populator in self._related:
                populator.populate(row, made)
            found.append(made)
        return found
