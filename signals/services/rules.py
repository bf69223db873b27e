"""Written strategies: create, edit, share, switch, delete.

An edit that changes what is concluded makes another row: the old one is switched off, keeps its
decisions, and names the row that took its place in `definition["replaced_by"]`.
"""

import logging
import uuid

from django.db import transaction
from django.db.models import QuerySet

from markets.selectors import base_timeframe
from markets.types import TIMEFRAME_NAMES, TIMEFRAME_SECONDS
from mystic.models import User
from signals.columns.errors import ColumnError
from signals.models import Decision, Strategy
from signals.selectors_rules import own_strategies_for
from signals.services.instances import RULES_CLASS, written_of
from signals.services.rule_cost import refuse_slow
from signals.services.shelving import models_shelve
from signals.strategies.definition import Definition
from signals.strategies.definition_reading import DefinitionError, definition_read
from signals.strategies.written import RESERVED, WrittenStrategy

log = logging.getLogger(__name__)

MOST_RUNNING = 20
"""Written strategies of one user that are evaluated at once."""
MOST_CHARACTERS = 32_000
MOST_KEPT = 200
"""Rows of one user, old versions among them."""


def rule_prepare(data: object) -> WrittenStrategy:
    """Return the strategy that a JSON value describes, or say everything that is wrong with it.

    Raises
    ------
    DefinitionError
    """
    models_shelve()
    strategy = WrittenStrategy(definition_read(data, reserved=RESERVED))
    faults = strategy.faults()
    if len(strategy.definition.meaning()) > MOST_CHARACTERS:
        faults.append(("", f"all of it together has more than {MOST_CHARACTERS:,} characters"))
    base = base_timeframe()
    if TIMEFRAME_SECONDS[strategy.timeframe] % base:
        stored = TIMEFRAME_NAMES.get(base, f"{base} s")
        faults.append(("/timeframe", f"the stored bars are {stored}; choose a multiple of that"))
    if not faults:
        try:
            refuse_slow(strategy)
        except ColumnError as fault:
            faults = [("", str(fault))]
    if faults:
        raise DefinitionError(faults)
    return strategy


@transaction.atomic
def rule_create(*, user: User, data: object) -> Strategy:
    """Keep a new written strategy of the user and let it run.

    Parameters
    ----------
    data : object
        A JSON value, or what `rule_prepare` made of it.

    Raises
    ------
    DefinitionError
        Where it cannot be, is there already, or would be one too many.
    """
    strategy = _prepared(data)
    owner = locked(user)
    refuse_name(owner, strategy.name, None)
    refuse_number(owner)
    twin = _versions(owner, strategy).first()
    if twin is not None:
        raise _is_there(twin)
    return _row(owner, strategy, uuid.uuid4().hex, is_active=True, is_shared=False)


@transaction.atomic
def rule_edit(*, strategy: Strategy, data: object) -> Strategy:
    """Put other rules in a strategy's place; return the row of the version that is in force.

    Where only its name or text changes, it is the same row. A change back to an earlier version
    brings that one's row back.

    Raises
    ------
    DefinitionError
        Where it cannot be, or another strategy of the user says the same.
    """
    changed = _prepared(data)
    owner = locked(_owner(strategy))
    row = Strategy.objects.get(pk=strategy.pk)
    if "replaced_by" in row.definition:
        raise DefinitionError([("", "another version took its place meanwhile: open that one")])
    refuse_name(owner, changed.name, row)
    twin = _versions(owner, changed).first()
    if twin is not None and twin.definition.get("family") != row.definition["family"]:
        raise _is_there(twin)
    if twin is None:
        refuse_number(owner, is_running=False)
        state = {"is_active": row.is_active, "is_shared": row.is_shared}
        twin = _row(owner, changed, row.definition["family"], **state)
    else:
        twin.is_active, twin.is_shared = row.is_active, row.is_shared
        _write(twin, changed.definition)
    if twin.pk != row.pk:
        row.definition["replaced_by"] = twin.pk
        row.is_active = False
        row.save(update_fields=["definition", "is_active"])
    return twin


def rules_renew() -> list[Strategy]:
    """Give strategies a new version whose words mean something else since an update of Mystic.

    One that cannot be read any more stays as it is: its evaluation says why, and pauses it.
    """
    renewed = []
    rows = Strategy.objects.filter(
        origin=Strategy.Origin.RULES, definition__replaced_by__isnull=True
    )
    for row in rows.select_related("owner"):
        try:
            strategy = written_of(row)
            if strategy.version != row.version:
                renewed.append(rule_edit(strategy=row, data=strategy))
        except ColumnError as fault:
            log.warning("written rules cannot be renewed: %s", fault, extra={"strategy": row.pk})
    return renewed


def free_name(name: str, taken: set[str]) -> str:
    """Return the name, or the first "Copy of ..." that is not taken."""
    found, number = name, 1
    while found in taken:
        mark = "Copy of " if number == 1 else f"Copy {number} of "
        found = (mark + name)[:80]
        number += 1
    return found


@transaction.atomic
def rule_share(*, strategy: Strategy, is_shared: bool) -> None:
    """Let others see, copy and deploy every version of a strategy, or its owner alone."""
    # Not while an edit makes a version that takes over what was shared before.
    locked(_owner(strategy))
    _family(strategy).update(is_shared=is_shared)


@transaction.atomic
def rule_switch(*, strategy: Strategy, is_active: bool) -> None:
    """Let a strategy be evaluated, or not.

    Raises
    ------
    DefinitionError
        Where too many run already.
    """
    owner = locked(_owner(strategy))
    row = Strategy.objects.get(pk=strategy.pk)
    if "replaced_by" in row.definition:
        raise DefinitionError([("", "another version took its place: switch that one")])
    if is_active and not row.is_active:
        _refuse_running(owner)
    Strategy.objects.filter(pk=row.pk).update(is_active=is_active)


@transaction.atomic
def rule_delete(*, strategy: Strategy) -> bool:
    """Delete every version that never decided anything; one that did is switched off and kept.

    Return whether nothing of it is left. What trades by it keeps the rows it names.
    """
    locked(_owner(strategy))
    kept = 0
    for row in _family(strategy):
        is_used = Decision.objects.filter(strategy=row).exists() or row.deployments.exists()
        if is_used:
            kept += 1
            row.is_active = False
            row.save(update_fields=["is_active"])
        else:
            row.delete()
    return kept == 0


def _prepared(data: object) -> WrittenStrategy:
    """Return what `rule_prepare` gave already, or let it look now."""
    return data if isinstance(data, WrittenStrategy) else rule_prepare(data)


def _owner(strategy: Strategy) -> User:
    if strategy.owner is None or "family" not in strategy.definition:
        message = f"{strategy} is nobody's own"
        raise ValueError(message)
    return strategy.owner


def locked(user: User) -> User:
    """Return the user with their row locked: their strategies change one at a time."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _family(strategy: Strategy) -> QuerySet[Strategy]:
    _owner(strategy)
    return Strategy.objects.filter(
        owner=strategy.owner_id, definition__family=strategy.definition["family"]
    )


def _versions(owner: User, strategy: WrittenStrategy) -> QuerySet[Strategy]:
    return Strategy.objects.filter(
        owner=owner,
        class_name=RULES_CLASS,
        version=strategy.version,
        timeframe=TIMEFRAME_SECONDS[strategy.timeframe],
    )


def _row(
    owner: User, strategy: WrittenStrategy, family: str, *, is_active: bool, is_shared: bool
) -> Strategy:
    return Strategy.objects.create(
        owner=owner,
        class_name=RULES_CLASS,
        origin=Strategy.Origin.RULES,
        version=strategy.version,
        name=strategy.name,
        about=strategy.definition.about,
        timeframe=TIMEFRAME_SECONDS[strategy.timeframe],
        params=strategy.params,
        definition={"family": family, "rules": strategy.definition.stored()},
        is_active=is_active,
        is_shared=is_shared,
    )


def _write(row: Strategy, definition: Definition) -> None:
    """Give a row the name and text of a definition that means the same, and bring it back."""
    row.name, row.about = definition.name, definition.about
    row.definition = {"family": row.definition["family"], "rules": definition.stored()}
    row.save(update_fields=["name", "about", "definition", "is_active", "is_shared"])


def refuse_name(owner: User, name: str, row: Strategy | None) -> None:
    """Refuse a name that another strategy of the user has."""
    taken = own_strategies_for(user=owner).filter(name=name)
    if row is not None:
        taken = taken.exclude(pk=row.pk)
    if taken.exists():
        raise DefinitionError([("/name", "you have a strategy of this name; choose another")])


def refuse_number(owner: User, *, is_running: bool = True) -> None:
    """Refuse one strategy more than a user may have."""
    if is_running:
        _refuse_running(owner)
    rows = Strategy.objects.filter(owner=owner)
    if rows.count() < MOST_KEPT:
        return
    # Versions that were replaced before they decided anything are nothing to anybody.
    rows.filter(
        definition__replaced_by__isnull=False, decisions=None, deployments=None, is_active=False
    ).delete()
    if rows.count() >= MOST_KEPT:
        sentence = f"you have {MOST_KEPT} versions of strategies; delete some"
        raise DefinitionError([("", sentence)])


def _refuse_running(owner: User) -> None:
    if Strategy.objects.filter(owner=owner, is_active=True).count() >= MOST_RUNNING:
        sentence = f"{MOST_RUNNING} strategies of yours run already; switch one off"
        raise DefinitionError([("", sentence)])


def _is_there(twin: Strategy) -> DefinitionError:
    return DefinitionError([("", f"you have these rules already: {twin.name}")])
