"""What every test shares: people by name, a closed network."""

import os
import shutil
import signal
import sys

import pytest
from django.conf import settings
from django.db import connection

from mystic.lib.live import hub
from tests import workers
from tests.closed import close_environment, close_settings
from tests.emptying import empty_by_rows
from tests.loopback import only
from tests.memory import forget
from tests.service_free import asks_for_the_database, check, leave_out
from tests.static_files import list_once

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
TRIED = close_environment()
only.begin()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell lets what it runs in the background ignore Ctrl-C, and so would every child.
    signal.signal(signal.SIGINT, signal.default_int_handler)

APPEND_ONLY = (
    *("trading_ledgerentry", "trading_orderevent", "trading_fill"),
    *("signals_forecast", "signals_forecastscore"),
)


def pytest_addoption(parser):
    parser.addoption("--screenshot-dir", default="", help="folder for pictures of the pages")


def pytest_configure():
    """Hash passwords quickly here; the product keeps the strength of Django's default."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # A test that wants a source names the loopback server that speaks for it.
    close_settings(settings.ENV)
    list_once()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """What needs no service runs on SQLite only; what takes long begins first.

    So the workers end together. Tests with a database stay in the order of pytest-django.
    """
    if os.environ.get("DATABASE_URL"):
        leave_out(config, items)
    items.sort(key=lambda one: asks_for_the_database(one) or not one.get_closest_marker("slow"))


def pytest_runtest_setup(item):
    """What runs on SQLite only needs no database."""
    check(item)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs):
    """Give each worker what is its own."""
    workers.equip(specs)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """A worker tells what a test recorded as text: it can send no types of ours."""
    report = yield
    report.user_properties = [(name, str(value)) for name, value in report.user_properties]
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Fail the run where something wanted to leave this machine, though it was refused.

    Workers have ended by now; what they and their children tried is in the same file.
    """
    if workers.is_worker():
        return
    tried = TRIED.read_text()
    if tried:
        sys.stderr.write(f"\nwhat wanted to leave this machine:\n{tried}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    shutil.rmtree(TRIED.parent, ignore_errors=True)


@pytest.fixture(autouse=True)
def no_lease_looked_after(monkeypatch):
    """What keeps a lease ends its process where it cannot see the row any more.

    From its own connection it never sees the row of a test's transaction; the process is the
    tests' own. Processes that a test begins keep their leases as ever.
    """
    monkeypatch.setattr("mystic.lib.leases.RENEW_EVERY_S", 3600.0)


@pytest.fixture(autouse=True)
def nothing_remembered():
    """What the memory of this process holds beside the rows: each test begins with none of it."""
    forget()
    yield
    hub.detach()
    hub._latest.clear()


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix():
    """The names of the databases tell workers apart already."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Let SQLite empty the append-only tables between tests; PostgreSQL does so past triggers.

    Threads of servers under test keep their connections; PostgreSQL drops no database in use.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for table in APPEND_ONLY:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_delete")
        else:
            empty_by_rows(connection)
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture
def ann(db, django_user_model):
    return django_user_model.objects.create_user("ann", "ann@example.org", "correct horse 1")


@pytest.fixture
def ben(db, django_user_model):
    return django_user_model.objects.create_user("ben", "ben@example.org", "correct horse 2")


@pytest.fixture
def cid(db, django_user_model):
    return django_user_model.objects.create_user("cid", "cid@example.org", "correct horse 3")
