"""A wrong setting stops the start with the fix in the sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mystic import env

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_set_gives_every_default():
    values = env.load({})
    assert set(values) == {setting.name for setting in env.SETTINGS}
    assert values["PORT"] == 8000
    assert values["MYSTIC_SYMBOLS"][0] == "BTC/USDT"
    assert len(values["MYSTIC_SYMBOLS"]) == 10


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "abc", "wants a whole number from 1 to 65535"),
        ("PORT", "0", "wants a whole number from 1 to 65535"),
        ("PORT", "70000", "wants a whole number from 1 to 65535"),
        ("MYSTIC_DEBUG", "ture", "wants true or false"),
        ("MYSTIC_SYMBOLS", "btcusdt", "wants symbols such as BTC/USDT"),
        ("MYSTIC_PAPER_BALANCE", "-1", "wants a positive amount"),
        ("MYSTIC_PAPER_BALANCE", "NaN", "wants a positive amount"),
        (
            "BINANCE_REST_URL",
            "data-api.binance.vision",
            "wants an address that begins with http://",
        ),
        ("BINANCE_WS_URL", "https://x", "wants an address that begins with ws://"),
        ("MYSTIC_TIMEFRAME", "2m", "wants one of"),
        ("MYSTIC_TIMEFARME", "1m", "did you mean MYSTIC_TIMEFRAME?"),
    ],
)
def test_a_wrong_value_says_the_fix(name, value, sentence):
    with pytest.raises(env.SettingsError) as fault:
        env.load({name: value})
    assert name in str(fault.value)
    assert sentence in str(fault.value)


def test_every_fault_is_listed_at_once():
    with pytest.raises(env.SettingsError) as fault:
        env.load({"PORT": "x", "MYSTIC_DEBUG": "y", "EMAIL_PORT": "z"})
    assert len(str(fault.value).splitlines()) == 3


def test_a_secret_may_stand_in_a_file_and_is_never_shown(tmp_path):
    (tmp_path / "key").write_text("from-a-file\n")
    assert (
        env.load({"MYSTIC_SECRET_KEY_FILE": str(tmp_path / "key")})["MYSTIC_SECRET_KEY"]
        == "from-a-file"
    )
    with pytest.raises(env.SettingsError, match="cannot be read"):
        env.load({"MYSTIC_SECRET_KEY_FILE": str(tmp_path / "absent")})


def test_off_switches_a_source_off():
    assert env.load({"COINBASE_WS_URL": "off"})["COINBASE_WS_URL"] == ""


def test_the_program_refuses_to_start_and_exits_2(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**os.environ, "PORT": "abc", "MYSTIC_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "PORT='abc' wants a whole number from 1 to 65535; the default is '8000'" in done.stderr


def test_the_secret_key_is_made_once_and_readable_by_its_owner_only(tmp_path):
    program = "from django.conf import settings; print(settings.SECRET_KEY)"
    environment = {
        **os.environ,
        "MYSTIC_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "mystic.settings",
    }
    keys = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    }
    assert len(keys) == 1
    assert len(keys.pop().strip()) > 50
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_dotenv_file_is_read_and_the_environment_wins(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("# mine\nPORT=8100\nMYSTIC_LOG_LEVEL='WARNING'\n")
    monkeypatch.setenv("PORT", "8200")
    values = env.environment(tmp_path)
    assert (values["PORT"], values["MYSTIC_LOG_LEVEL"]) == (8200, "WARNING")
