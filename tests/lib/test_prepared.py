"""A prepared query gives what the queryset gives, for any number, in any thread, row by row."""

import threading
from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from mystic.lib.prepared import Prepared
from trading.models import Account, Lock

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC)


@pytest.fixture
def accounts():
    people = get_user_model().objects
    return [
        Account.objects.create(
            owner=people.create_user(name, f"{name}@example.org", "a long phrase 1"),
            name=f"of {name}",
            currency="USDT",
            scale=scale,
            created_at=AT,
        )
        for name, scale in (("dora", 8), ("emil", 6))
    ]


def shown(account):
    fields = ("pk", "owner_id", "name", "mode", "currency", "scale", "created_at")
    return [getattr(account, name) for name in fields]


def test_each_number_gives_its_own_rows_as_the_queryset_does(accounts):
    prepared = Prepared(lambda pk: Account.objects.filter(pk=pk))
    for account in accounts * 2:
        found = prepared.get(account.pk)
        assert shown(found) == shown(Account.objects.get(pk=account.pk))
        assert found.created_at == AT
        assert found == account


def test_joined_rows_come_with_one_statement(accounts):
    prepared = Prepared(lambda pk: Account.objects.select_related("owner").filter(pk=pk))
    prepared.get(accounts[0].pk)
    with CaptureQueriesContext(connection) as queries:
        names = [prepared.get(account.pk).owner.username for account in accounts]
    assert names == ["dora", "emil"]
    assert len(queries) == 2


def test_it_reads_again_at_every_call(accounts):
    prepared = Prepared(lambda pk: Lock.objects.filter(account=pk, lifted_at=None).order_by("id"))
    first, second = (account.pk for account in accounts)
    assert prepared.all(first) == []
    made = [
        Lock.objects.create(account_id=first, level="halt", reason=text, expires_at=expires)
        for text, expires in (("one", AT), ("two", None))
    ]
    assert prepared.all(first) == made
    assert [lock.expires_at for lock in prepared.all(first)] == [AT, None]
    assert prepared.all(second) == []
    Lock.objects.filter(pk=made[0].pk).update(lifted_at=AT)
    assert prepared.all(first) == made[1:]


def test_what_is_not_there_is_said(accounts):
    prepared = Prepared(lambda pk: Account.objects.filter(pk=pk))
    missing = accounts[-1].pk + 1
    assert prepared.first(missing) is None
    with pytest.raises(Account.DoesNotExist):
        prepared.get(missing)


def test_a_row_it_gave_can_be_changed_and_saved(accounts):
    prepared = Prepared(lambda pk: Account.objects.filter(pk=pk))
    found = prepared.get(accounts[0].pk)
    found.name = "another"
    found.save()
    assert Account.objects.get(pk=found.pk).name == "another"
    assert Account.objects.count() == len(accounts)


@pytest.mark.django_db(transaction=True)
def test_a_lock_is_refused_outside_of_a_transaction_and_taken_inside(accounts):
    prepared = Prepared(lambda pk: Account.objects.select_for_update().filter(pk=pk))
    with transaction.atomic():
        assert prepared.get(accounts[0].pk) == accounts[0]
    with pytest.raises(transaction.TransactionManagementError):
        prepared.get(accounts[0].pk)


@pytest.mark.django_db(transaction=True)
def test_every_thread_composes_for_its_own_connection(accounts):
    prepared = Prepared(lambda pk: Account.objects.filter(pk=pk))
    found = [prepared.get(accounts[0].pk)]

    def read():
        try:
            found.append(prepared.get(accounts[1].pk))
        finally:
            connections.close_all()

    thread = threading.Thread(target=read)
    thread.start()
    thread.join(10)
    assert found == accounts
