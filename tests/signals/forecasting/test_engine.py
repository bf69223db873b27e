"""Where the library of the trees cannot be loaded, a sentence says what to install."""

import pytest

from signals.forecasting import trees
from signals.forecasting.trees import TreesError, engine


@pytest.fixture
def without(monkeypatch):
    engine.cache_clear()
    monkeypatch.setattr(trees, "ENGINE", "no_such_library")
    yield
    engine.cache_clear()


@pytest.mark.usefixtures("without")
def test_a_missing_library_is_said_with_its_cure():
    with pytest.raises(TreesError, match=r"XGBoost.* cannot be loaded here.*brew install libomp"):
        engine()
