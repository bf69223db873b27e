"""Classes with a user's own parameters: rows of their own, in versions, private."""

import pytest
from django.test import Client

from signals.models import Decision, Strategy
from signals.selectors import strategies_for
from signals.services.instances import instance_of
from signals.services.strategies import strategies_sync
from signals.services.variants import variant_create, variant_edit, variants_renew
from signals.strategies.definition_reading import DefinitionError
from signals.strategies.registry import CLASSES

pytestmark = pytest.mark.django_db
TOLD = {"class_name": "TrendPullback", "timeframe": "5m"}


@pytest.fixture
def shared(db):
    strategies_sync()
    return Strategy.objects.get(class_name="TrendPullback", owner=None)


@pytest.fixture
def mine(ann, shared):
    return variant_create(user=ann, name="Slow pullback", params={"slow": 40}, **TOLD)


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def test_it_is_a_row_of_its_user(ann, ben, shared, mine):
    assert (mine.owner, mine.is_active, mine.is_shared) == (ann, True, False)
    assert mine.params == {**shared.params, "slow": 40}
    assert mine.version == CLASSES["TrendPullback"](slow=40).version != shared.version
    assert instance_of(mine).params["slow"] == 40
    assert mine in strategies_for(user=ann)
    assert mine not in strategies_for(user=ben)


@pytest.mark.parametrize(
    ("changed", "place", "sentence"),
    [
        ({"params": {"slow": 5}}, "", "slow must lie between 15 and 80, not 5"),
        ({"params": {"nope": 5}}, "", "TrendPullback has no parameter nope"),
        ({"timeframe": "7m"}, "/timeframe", "timeframe must be one of"),
        ({"timeframe": "1s"}, "/timeframe", "the stored bars are 1m"),
        ({"name": " "}, "/name", "a name of 1 to 80 characters is wanted"),
        ({"class_name": "Gone"}, "", "there is no class Gone"),
    ],
)
def test_what_cannot_be_is_refused(ann, shared, changed, place, sentence):
    told = {"name": "Mine", "params": {}, **TOLD, **changed}
    with pytest.raises(DefinitionError) as caught:
        variant_create(user=ann, **told)
    ((found, said),) = caught.value.faults
    assert found == place
    assert said.startswith(sentence)
    assert not Strategy.objects.filter(owner=ann).exists()


def test_the_same_twice_is_refused(ann, ben, mine):
    with pytest.raises(DefinitionError, match="you have the same parameters already"):
        variant_create(user=ann, name="Other", params={"slow": 40}, **TOLD)
    with pytest.raises(DefinitionError, match="you have a strategy of this name"):
        variant_create(user=ann, name="Slow pullback", params={"slow": 50}, **TOLD)
    assert variant_create(user=ben, name="Slow pullback", params={"slow": 40}, **TOLD).owner == ben


def test_other_parameters_are_another_version_and_back_again(mine):
    other = variant_edit(strategy=mine, name="Slower", timeframe="5m", params={"slow": 60})
    mine.refresh_from_db()
    assert (mine.is_active, mine.definition["replaced_by"]) == (False, other.pk)
    assert (other.is_active, other.name, other.params["slow"]) == (True, "Slower", 60)
    with pytest.raises(DefinitionError, match="another version took its place"):
        variant_edit(strategy=mine, name="x", timeframe="5m", params={"slow": 61})
    back = variant_edit(strategy=other, name="Slower", timeframe="5m", params={"slow": 40})
    assert (back.pk, back.is_active, "replaced_by" in back.definition) == (mine.pk, True, False)
    same = variant_edit(strategy=back, name="Renamed", timeframe="5m", params={"slow": 40})
    assert (same.pk, same.name) == (mine.pk, "Renamed")


def test_changed_code_makes_a_new_version_at_the_next_start(mine, monkeypatch):
    assert variants_renew() == []
    monkeypatch.setattr("signals.strategies.base.LANGUAGE", 99)
    (kept,) = variants_renew()
    mine.refresh_from_db()
    assert mine.is_active is False
    assert (kept.params, kept.name, kept.is_active) == (mine.params, mine.name, True)
    assert kept.version == CLASSES["TrendPullback"](slow=40).version


class TestPage:
    def test_a_class_becomes_mine(self, ann, shared):
        client, path = signed_in(ann), f"/strategies/{shared.pk}/parameters/"
        text = client.get(path).content.decode()
        assert 'value="26"' in text
        assert "15 to 80, usually 26" in text
        sent = {"name": "Mine", "timeframe": "15m", "fast": "12", "slow": "30", "depth": "0.5"}
        answer = client.post(path, {**sent, "risk": "2.5"})
        row = Strategy.objects.get(owner=ann)
        assert answer["Location"] == f"/strategies/#strategy-{row.pk}"
        assert row.params == {"fast": 12, "slow": 30, "depth": 0.5, "risk": 2.5}
        assert row.timeframe == 900
        page = client.get("/strategies/").content.decode()
        assert "Mine" in page
        assert f"/strategies/{row.pk}/act/" in page

    def test_opening_and_keeping_it_changes_no_digit(self, ann, mine):
        kept = variant_edit(
            strategy=mine, name="Mine", timeframe="5m", params={**mine.params, "depth": 0.123456789}
        )
        client, path = signed_in(ann), f"/strategies/{kept.pk}/parameters/"
        assert 'value="0.123456789"' in client.get(path).content.decode()
        sent = {"name": "Mine", "timeframe": "5m", **{k: str(v) for k, v in kept.params.items()}}
        client.post(path, sent)
        assert Strategy.objects.get(owner=ann, is_active=True).version == kept.version

    def test_wrong_values_are_said_beside_their_field(self, ann, shared):
        sent = {"name": "Mine", "timeframe": "5m", "fast": "x", "slow": "30", "depth": "0.5"}
        answer = signed_in(ann).post(f"/strategies/{shared.pk}/parameters/", sent)
        assert answer.status_code == 422
        text = answer.content.decode()
        assert "fast must be a number, not &#x27;x&#x27;" in text
        assert "risk must be a number, not &#x27;&#x27;" in text
        assert not Strategy.objects.filter(owner=ann).exists()

    def test_mine_can_be_changed_switched_and_deleted(self, ann, mine):
        client = signed_in(ann)
        sent = {"name": "Mine", "timeframe": "5m", "fast": "12", "slow": "50", "depth": "0.5"}
        client.post(f"/strategies/{mine.pk}/parameters/", {**sent, "risk": "2"})
        kept = Strategy.objects.get(owner=ann, is_active=True)
        assert (kept.name, kept.params["slow"]) == ("Mine", 50)
        client.post(f"/strategies/{kept.pk}/act/", {"do": "off"})
        kept.refresh_from_db()
        assert not kept.is_active
        assert "Yours, switched off" in client.get("/strategies/").content.decode()
        client.post(f"/strategies/{kept.pk}/act/", {"do": "delete"})
        assert not Strategy.objects.filter(owner=ann).exists()

    def test_what_decided_is_kept(self, ann, mine, btc):
        Decision.objects.create(
            strategy=mine, instrument=btc, bar_open=0, verdict="none", source="x"
        )
        signed_in(ann).post(f"/strategies/{mine.pk}/act/", {"do": "delete"})
        mine.refresh_from_db()
        assert mine.is_active is False

    def test_a_private_one_is_absent_for_others(self, ben, mine):
        assert signed_in(ben).get(f"/strategies/{mine.pk}/parameters/").status_code == 404
        assert signed_in(ben).post(f"/strategies/{mine.pk}/act/", {"do": "off"}).status_code == 404
        Strategy.objects.filter(pk=mine.pk).update(is_shared=True)
        assert signed_in(ben).get(f"/strategies/{mine.pk}/parameters/").status_code == 200
        assert Client().get(f"/strategies/{mine.pk}/parameters/").status_code == 302
