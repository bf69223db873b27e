"""Rows that are written once; the database refuses what slips past this class."""

from typing import Any, NoReturn

from django.db import models


class AppendOnlyError(TypeError):
    """Raised for an attempt to change or delete a row that is part of the record."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Read and create, nothing else."""

    def update(self, **_values: Any) -> NoReturn:
        raise AppendOnlyError(f"{self.model.__name__} rows are never changed")

    def delete(self) -> NoReturn:
        raise AppendOnlyError(f"{self.model.__name__} rows are never deleted")


class AppendOnly(models.Model):
    """A row that is part of the record: created once, never changed, never deleted."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError(f"{type(self).__name__} {self.pk} is never changed")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise AppendOnlyError(f"{type(self).__name__} {self.pk} is never deleted")
