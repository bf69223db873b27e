"""Classes with a user's own parameters: a strategy of their own, made of Mystic's code.

Like a written strategy a variant is a row of its user. Other parameters make another version; the
old row is switched off, keeps its decisions, and names the one that took its place.
"""

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from markets.selectors import base_timeframe
from markets.types import TIMEFRAME_NAMES, TIMEFRAME_SECONDS
from mystic.models import User
from signals.models import Strategy
from signals.services.rules import locked, refuse_name, refuse_number
from signals.services.shelving import models_shelve
from signals.strategies.base import Strategy as StrategyClass
from signals.strategies.definition_reading import DefinitionError
from signals.strategies.params import ParamError
from signals.strategies.registry import CLASSES, is_from_folder, misfit

log = logging.getLogger(__name__)


@transaction.atomic
def variant_create(
    *, user: User, class_name: str, name: str, timeframe: str, params: Mapping[str, Any]
) -> Strategy:
    """Keep a class with the user's own parameters and let it run.

    Raises
    ------
    DefinitionError
        With the place of each fault: `/name`, `/timeframe` or `/params/<name>`.
    """
    instance = _instance(class_name, timeframe, params, name)
    owner = locked(user)
    refuse_name(owner, name, None)
    refuse_number(owner)
    return _row(owner, instance, name, uuid.uuid4().hex)


@transaction.atomic
def variant_edit(
    *, strategy: Strategy, name: str, timeframe: str, params: Mapping[str, Any]
) -> Strategy:
    """Put other parameters in a variant's place; return the row that is in force.

    Raises
    ------
    DefinitionError
        As `variant_create`, or where another version took its place meanwhile.
    """
    if strategy.owner is None:
        message = f"{strategy} is nobody's own"
        raise ValueError(message)
    instance = _instance(strategy.class_name, timeframe, params, name)
    owner = locked(strategy.owner)
    row = Strategy.objects.get(pk=strategy.pk)
    if "replaced_by" in row.definition:
        raise DefinitionError([("", "another version took its place meanwhile: open that one")])
    refuse_name(owner, name, row)
    seconds = TIMEFRAME_SECONDS[instance.timeframe]
    if (row.version, row.timeframe) == (instance.version, seconds):
        row.name = name
        row.save(update_fields=["name"])
        return row
    refuse_number(owner, is_running=False)
    following = _row(owner, instance, name, row.definition["family"])
    following.is_active, following.is_shared = row.is_active, row.is_shared
    following.save(update_fields=["is_active", "is_shared"])
    row.definition["replaced_by"] = following.pk
    row.is_active = False
    row.save(update_fields=["definition", "is_active"])
    return following


def variants_renew() -> list[Strategy]:
    """Give variants a new version where the code of their class changed with an update of Mystic.

    One whose parameters no longer fit stays as it is: its page says that its code is gone.
    """
    renewed = []
    rows = Strategy.objects.filter(
        owner__isnull=False, definition__replaced_by__isnull=True, class_name__in=list(CLASSES)
    )
    for row in rows.select_related("owner"):
        try:
            kept = variant_edit(
                strategy=row,
                name=row.name,
                timeframe=TIMEFRAME_NAMES[row.timeframe],
                params=row.params,
            )
        except DefinitionError as fault:
            log.warning("a variant cannot be renewed: %s", fault, extra={"strategy": row.pk})
            continue
        if kept.pk != row.pk:
            renewed.append(kept)
    return renewed


def variant_read(cls: type[StrategyClass], sent: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters that a form sent: numbers as numbers, texts as they are.

    Raises
    ------
    DefinitionError
        Where a field holds no number that the parameter may have.
    """
    params: dict[str, Any] = {}
    faults = []
    for name, spec in cls.param_specs.items():
        text = sent.get(name, "").strip()
        try:
            params[name] = spec.clean(text if isinstance(spec.default, str) else _number(text))
        except ParamError as fault:
            faults.append((f"/params/{name}", str(fault)))
    if faults:
        raise DefinitionError(faults)
    return params


def _number(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _instance(
    class_name: str, timeframe: str, params: Mapping[str, Any], name: str
) -> StrategyClass:
    cls = CLASSES.get(class_name)
    if cls is None:
        raise DefinitionError([("", f"there is no class {class_name}")])
    if not name.strip() or len(name) > 80:
        raise DefinitionError([("/name", "a name of 1 to 80 characters is wanted")])
    models_shelve()
    try:
        instance = cls(timeframe=timeframe, **params)
    except ParamError as fault:
        place = "/timeframe" if "timeframe" in str(fault) else ""
        raise DefinitionError([(place, str(fault))]) from None
    base = base_timeframe()
    if TIMEFRAME_SECONDS[instance.timeframe] % base:
        stored = TIMEFRAME_NAMES.get(base, f"{base} s")
        sentence = f"the stored bars are {stored}; choose a multiple of that"
        raise DefinitionError([("/timeframe", sentence)])
    reason = misfit(instance)
    if reason:
        raise DefinitionError([("", reason)])
    return instance


def _row(owner: User, instance: StrategyClass, name: str, family: str) -> Strategy:
    cls = type(instance)
    seconds = TIMEFRAME_SECONDS[instance.timeframe]
    twin = Strategy.objects.filter(
        owner=owner, class_name=cls.__name__, version=instance.version, timeframe=seconds
    ).first()
    if twin is None:
        return Strategy.objects.create(
            owner=owner,
            class_name=cls.__name__,
            origin=Strategy.Origin.FOLDER if is_from_folder(cls) else Strategy.Origin.BUILT_IN,
            version=instance.version,
            name=name,
            timeframe=seconds,
            params=instance.params,
            definition={"family": family},
        )
    if twin.definition.get("family") != family:
        raise DefinitionError([("", f"you have the same parameters already: {twin.name}")])
    twin.name, twin.is_active, twin.definition = name, True, {"family": family}
    twin.save(update_fields=["name", "is_active", "definition"])
    return twin
