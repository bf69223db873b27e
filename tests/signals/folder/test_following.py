"""The strategies folder is followed while the platform runs."""

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from mystic.models import User
from signals.models import Strategy, StrategyFile
from signals.services import folder as following
from signals.services.evaluation import evaluate
from signals.services.folder import folder_read, folder_refresh
from signals.services.instances import NoStrategyError, instance_of, is_known
from signals.services.strategies import strategies_sync
from signals.services.variants import variant_create
from signals.strategies.registry import CLASSES
from tests.signals.folder.test_reading import GOOD

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "MYSTIC_STRATEGIES_DIR", str(tmp_path))
    monkeypatch.setattr(following, "LOOK_EVERY_S", 0.0)
    return tmp_path


def shared(class_name):
    return Strategy.objects.filter(class_name=class_name, owner=None)


def test_without_a_folder_nothing_is_looked_at():
    assert folder_refresh() is False
    assert StrategyFile.objects.count() == 0


def test_a_new_file_becomes_a_strategy(place):
    (place / "dip.py").write_text(GOOD)
    assert folder_refresh() is True
    row = shared("Dip").get()
    assert (row.is_active, row.origin, row.params) == (True, "folder", {"average": 20})
    assert row.version == CLASSES["Dip"]().version
    file = StrategyFile.objects.get()
    assert (file.name, file.class_names, file.error) == ("dip.py", ["Dip"], "")
    assert folder_refresh() is False


def test_a_changed_file_is_another_version(place):
    path = place / "dip.py"
    path.write_text(GOOD)
    folder_refresh()
    first = shared("Dip").get()
    path.write_text(GOOD.replace("2 * x.atr", "3 * x.atr"))
    assert folder_refresh() is True
    assert shared("Dip").get(is_active=True).version != first.version
    first.refresh_from_db()
    assert first.is_active is False


def test_a_broken_file_leaves_its_last_good_version_and_the_others(place):
    path = place / "dip.py"
    path.write_text(GOOD)
    (place / "other.py").write_text(GOOD.replace("class Dip", "class Other"))
    folder_refresh()
    path.write_text(GOOD.replace("sma(", "smma("))
    assert folder_refresh() is True
    assert StrategyFile.objects.get(name="dip.py").error == (
        "Dip: a column has no smma. Did you mean sma?"
    )
    assert StrategyFile.objects.get(name="dip.py").class_names == ["Dip"]
    assert shared("Dip").get().is_active
    assert shared("Other").get().is_active
    assert StrategyFile.objects.get(name="other.py").error == ""
    path.write_text(GOOD)
    folder_refresh()
    assert StrategyFile.objects.get(name="dip.py").error == ""


def test_a_row_of_another_version_has_no_code_here(place):
    path = place / "dip.py"
    path.write_text(GOOD)
    folder_refresh()
    row = shared("Dip").get()
    assert is_known(row)
    assert instance_of(row).params == {"average": 20}
    path.write_text(GOOD + "# another")
    folder_refresh()
    assert not is_known(row)
    with pytest.raises(NoStrategyError):
        instance_of(row)
    assert is_known(shared("Dip").get(is_active=True))


def test_two_files_cannot_have_one_name(place):
    (place / "a.py").write_text(GOOD)
    (place / "b.py").write_text(GOOD)
    folder_refresh()
    assert StrategyFile.objects.get(name="a.py").error == ""
    assert "the name Dip is taken" in StrategyFile.objects.get(name="b.py").error
    (place / "a.py").unlink()
    folder_refresh()
    assert StrategyFile.objects.get().error == ""
    assert shared("Dip").get().is_active


def test_a_file_that_is_removed_takes_its_strategy_along(place):
    path = place / "dip.py"
    path.write_text(GOOD)
    folder_refresh()
    path.unlink()
    assert folder_refresh() is True
    assert not StrategyFile.objects.exists()
    assert shared("Dip").get().is_active is False
    assert "Dip" not in CLASSES
    path.write_text(GOOD)
    folder_refresh()
    assert shared("Dip").get().is_active is True


def test_who_only_shows_leaves_the_rows_alone(place):
    (place / "dip.py").write_text(GOOD)
    folder_read()
    assert "Dip" in CLASSES
    assert not shared("Dip").exists()


def test_the_built_in_ones_stay(place):
    strategies_sync()
    before = set(Strategy.objects.filter(is_active=True).values_list("pk", flat=True))
    (place / "dip.py").write_text("1 / 0")
    folder_refresh()
    assert set(Strategy.objects.filter(is_active=True).values_list("pk", flat=True)) == before


def test_a_parameter_that_went_away_stops_its_variants_only(place):
    path = place / "dip.py"
    path.write_text(GOOD)
    folder_refresh()
    ann = User.objects.create_user("ann", "ann@example.org", "secret")
    mine = variant_create(
        user=ann, class_name="Dip", name="My dip", timeframe="5m", params={"average": 30}
    )
    path.write_text(GOOD.replace("average = Param", "length = Param").replace("average", "length"))
    folder_refresh()
    mine.refresh_from_db()
    assert is_known(mine) is False
    assert evaluate(60, 1_700_000_000) == 0


def test_a_page_that_read_the_folder_first_leaves_the_rows_to_who_evaluates(place):
    (place / "dip.py").write_text(GOOD)
    folder_read()
    assert not shared("Dip").exists()
    assert folder_refresh() is True
    assert shared("Dip").get().is_active
    assert folder_refresh() is False


def test_rows_that_could_not_be_written_are_written_the_next_time(place):
    (place / "dip.py").write_text(GOOD)
    with (
        connection.execute_wrapper(refused),
        pytest.raises(OperationalError),
    ):
        folder_refresh()
    assert folder_refresh() is True
    assert shared("Dip").get().is_active


def refused(execute, sql, params, many, context):
    if "signals_strategyfile" in sql:
        raise OperationalError("the database went away")
    return execute(sql, params, many, context)
