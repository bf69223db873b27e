"""`make run` as a person meets it: it starts, refuses what cannot work, stops when asked."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from websockets.sync.client import connect

from tests.product import ROOT, Product, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="the embedded shape"),
]


@pytest.fixture
def product(tmp_path):
    made = Product(tmp_path / "var")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


def run_again(product, **changes):
    return subprocess.run(
        [sys.executable, "manage.py", "run"],
        cwd=ROOT,
        env={**product.environment, **changes},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_starts_says_where_it_is_and_refuses_a_second_one(product):
    product.is_prepared = False  # as on a fresh machine: it makes its database
    product.start()
    assert f"Mystic is at {product.url}/" in product.log.read_text()
    assert (product.folder / "secret.key").stat().st_mode & 0o077 == 0
    same_folder = run_again(product, PORT=str(product.port + 1))
    assert same_folder.returncode == 1
    assert "Mystic already runs on" in same_folder.stderr
    assert "MYSTIC_DATA_DIR=" in same_folder.stderr
    same_port = run_again(product, MYSTIC_DATA_DIR=str(product.folder.parent / "other"))
    assert same_port.returncode == 1
    assert f"cannot listen on 127.0.0.1:{product.port}" in same_port.stderr
    assert "PORT=" in same_port.stderr
    assert httpx.get(f"{product.url}/accounts/login/").status_code == 200


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_within_five_seconds_with_open_sockets(product, how):
    product.start()
    with connect(f"{product.url.replace('http', 'ws')}/ws", origin=product.url) as socket_open:
        socket_open.send('{"type": "ping", "data": {}}')
        socket_open.recv(5)
        began = time.monotonic()
        assert product.stop(how) == 0
        assert time.monotonic() - began < 5
    assert "Traceback" not in product.log.read_text()


def test_without_any_source_it_says_so_and_offers_the_replay(product):
    product.start()
    until("the sentence", lambda: "cannot be reached" in httpx.get(f"{product.url}/").text)
    health = httpx.get(f"{product.url}/api/health").json()
    assert health["live_data"] is False
    assert "trying again" in product.log.read_text()


def test_a_wrong_folder_is_refused_with_the_fix(product, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = run_again(product, MYSTIC_DATA_DIR=str(tmp_path / "file" / "var"))
    assert done.returncode == 2
    assert "MYSTIC_DATA_DIR" in done.stderr


def test_a_free_port_is_free_again_after_a_kill(product):
    product.start()
    product.kill()
    with socket.create_server(("127.0.0.1", product.port)):
        pass
    assert product.start() > 0
