"""A real Mystic in a process of its own, looked at through headless Chromium."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.product import ROOT, Person, Product, free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever else the browser would like to ask, there is only this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
expect.set_options(timeout=30_000)  # a busy machine is no fault of the product
PASSWORD = "a long enough phrase 7"


@pytest.fixture(scope="session", autouse=True)
def needs_chromium():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")


@pytest.fixture(scope="session")
def browser_type_launch_args(needs_chromium):
    return {"executable_path": CHROMIUM, "args": list(ARGUMENTS)}


class Watched:
    """A page whose every fault is kept: console errors, exceptions, refusals of the policy."""

    def __init__(self, page):
        self.page = page
        self.faults = []
        page.on("console", self._heard)
        page.on("pageerror", lambda fault: self.faults.append(f"exception: {fault}"))

    def _heard(self, message):
        if message.type == "error":
            self.faults.append(f"{message.text} {message.location.get('url', '')}")


@pytest.fixture
def open_page(browser):
    """Open a page of a size; at the end no fault may have been written to its console."""
    opened = []

    def make(size, *, storage=None, base_url, expected=()):
        context = browser.new_context(viewport=size, storage_state=storage, base_url=base_url)
        watched = Watched(context.new_page())
        opened.append((context, watched, tuple(expected)))
        return watched.page

    yield make
    for context, watched, expected in opened:
        context.close()
        faults = [f for f in watched.faults if not any(words in f for words in expected)]
        assert faults == []


@pytest.fixture(scope="session")
def picture(request):
    """Keep a picture of a page when `--screenshot-dir` names a folder."""
    folder = request.config.getoption("--screenshot-dir")

    def take(page, name, *, full=False):
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=full)

    return take


@pytest.fixture(scope="session")
def lonely(tmp_path_factory):
    """A Mystic whose every source refuses the connection."""
    product = Product(tmp_path_factory.mktemp("lonely"))
    product.start()
    yield product
    product.stop()


@pytest.fixture(scope="session")
def member(lonely):
    """Give the session of a person who signed up, as Playwright keeps it."""
    person = Person(lonely)
    person.sign_up("mia", "mia@example.org")
    return {
        "cookies": [
            {
                "name": cookie.name,
                "value": cookie.value,
                "domain": "127.0.0.1",
                "path": "/",
                "expires": -1,
                "httpOnly": False,
                "secure": False,
                "sameSite": "Lax",
            }
            for cookie in person.http.cookies.jar
        ],
        "origins": [],
    }


@pytest.fixture
def replayed(tmp_path):
    """Start the replay server with a recorded file and a Mystic that asks it."""
    started = []

    def start(*words, **settings):
        port = free_port()
        log = (tmp_path / "replay.log").open("ab")
        server = subprocess.Popen(
            [sys.executable, "manage.py", "replay", *map(str, words), "--port", str(port)],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        product = Product(tmp_path / "data", venue=f"127.0.0.1:{port}", **settings)
        started.append((server, log, product))
        product.start()
        return product

    yield start
    for server, log, product in started:
        if product.process is not None:
            product.stop()
        server.terminate()
        server.wait(10)
        log.close()
