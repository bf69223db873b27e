"""One strategy that cannot be made any more takes no page of anybody with it."""

import json

import pytest
from django.test import Client

from signals import services
from signals.models import Progress, Strategy
from signals.services.rules import rule_create, rule_share
from signals.strategies.registry import CLASSES
from tests.signals.app.strategies import Unbuildable

pytestmark = pytest.mark.django_db


def as_user(user):
    client = Client()
    client.force_login(user)
    return client


def test_rules_that_an_update_left_unreadable_stop_no_page(ann, ben, up, bars):
    row = rule_create(user=ann, data=up)
    rule_share(strategy=row, is_shared=True)
    text = json.dumps(row.definition).replace('"entries"', '"entrances"')
    Strategy.objects.filter(pk=row.pk).update(definition=json.loads(text))
    for user in (ann, ben):
        answer = as_user(user).get("/strategies/")
        assert answer.status_code == 200
        assert "These rules cannot be read any more" in answer.content.decode()
    answer = as_user(ben).get(f"/api/v1/strategies/{row.pk}")
    assert answer.status_code == 200
    assert "entrances" in json.dumps(answer.json()["data"]["definition"])
    answer = as_user(ann).get(f"/strategies/{row.pk}/edit/", follow=True)
    assert "These rules cannot be read any more" in answer.content.decode()
    answer = as_user(ben).get(f"/strategies/new/?from={row.pk}", follow=True)
    assert "These rules cannot be read any more" in answer.content.decode()
    assert "entrances" in as_user(ben).get(f"/strategies/{row.pk}/rules.json").text


def test_a_class_that_fails_while_it_is_behind_stops_no_page(ann, btc, bars, monkeypatch):
    monkeypatch.setitem(CLASSES, "Unbuildable", Unbuildable)
    services.strategies_sync()
    row = Strategy.objects.get(class_name="Unbuildable")
    Progress.objects.create(strategy=row, instrument=btc, decided_through=bars[0][0])
    assert as_user(ann).get("/strategies/").status_code == 200
