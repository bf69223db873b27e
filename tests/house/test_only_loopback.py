"""Nothing that a test starts can reach outside of this machine, and no source is configured to."""

import asyncio
import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from markets.providers.table import PROVIDERS, is_replaying, off_reason
from mystic import env
from tests.closed import ADDRESSES, SECRETS
from tests.loopback import only
from tests.product import ROOT, Product

AWAY = (only.PROBE, 80)


def known(environment):
    """Read the environment of a child as the product would."""
    return env.load(dict(environment))


@pytest.fixture(params=["what every child inherits", "the product"])
def environment(request, tmp_path):
    inherited = request.param == "what every child inherits"
    return dict(os.environ) if inherited else Product(tmp_path).environment


def test_every_address_of_a_source_is_off_or_here(environment):
    values = known(environment)
    hosts = {name: urlsplit(values[name]).hostname for name in ADDRESSES if values[name]}
    assert hosts == {"BINANCE_REST_URL": "127.0.0.1", "BINANCE_WS_URL": "127.0.0.1"}


def test_no_source_but_the_first_venue_is_on_and_no_key_is_known(environment):
    values = known(environment)
    assert is_replaying(values)
    on = {code for code, one in PROVIDERS.items() if not off_reason(one, values)}
    assert on == {"binance"}
    assert {name: values[name] for name in SECRETS if values[name]} == {}
    assert values["EMAIL_HOST"] == ""


def test_keys_and_addresses_of_the_machine_do_not_switch_a_source_on_beside_a_replay(environment):
    keys = dict.fromkeys(SECRETS, "a-key") | {"IBKR_HOST": "127.0.0.1", "CCXT_EXCHANGE": "kraken"}
    standard = {one.name: one.default for one in env.SETTINGS if one.name in ADDRESSES}
    first = {"BINANCE_REST_URL", "BINANCE_WS_URL"}
    named = {name: value for name, value in standard.items() if name not in first}
    values = known({**environment, **named, **keys, "MYSTIC_NEWS": "on"})
    on = {code for code, one in PROVIDERS.items() if not off_reason(one, values)}
    assert on == {"binance"}


def test_this_process_cannot_reach_outside():
    with pytest.raises(only.OutsideError), socket.socket() as one:
        one.connect(AWAY)
    with pytest.raises(only.OutsideError), socket.socket(type=socket.SOCK_DGRAM) as one:
        one.sendto(b"", AWAY)
    with pytest.raises(only.OutsideError):
        socket.getaddrinfo(*AWAY)


@pytest.mark.asyncio
async def test_an_event_loop_cannot_either():
    with pytest.raises(OSError, match="outside of this machine"):
        await asyncio.open_connection(*AWAY)


def test_a_child_cannot_either():
    program = f"import socket; socket.create_connection({AWAY!r}, timeout=5)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "OutsideError: '192.0.2.1' is outside of this machine" in done.stderr


@pytest.mark.parametrize(
    "host", [None, "", "localhost", "127.0.0.1", "127.8.9.1", "::1", b"::", "2130706433"]
)
def test_this_machine_is_here(host):
    assert only.is_here(host)


@pytest.mark.parametrize(
    "host", ["example.org", "10.0.0.1", "167772161", "2001:db8::1", b"192.0.2.1"]
)
def test_everything_else_is_away(host):
    assert not only.is_here(host)
