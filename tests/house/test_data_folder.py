"""The data folder is its owner's alone, and belongs to one process."""

import os
import stat

import pytest

from mystic.embedded.data_folder import FolderInUseError, claim


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_can_read_what_is_kept(tmp_path, umask):
    folder = tmp_path / "deep" / "var"
    with claim(folder):
        made = folder / "mystic.sqlite3-wal"
        made.write_text("secret")
        assert [mode(folder), mode(folder / "run.lock"), mode(made)] == [0o700, 0o600, 0o600]


def test_a_database_that_was_readable_is_closed_at_the_next_start(tmp_path, umask):
    old = tmp_path / "mystic.sqlite3"
    old.write_text("secret")
    assert mode(old) == 0o644
    with claim(tmp_path):
        assert mode(old) == 0o600


def test_a_second_process_is_told_who_holds_the_folder(tmp_path, umask):
    with claim(tmp_path), pytest.raises(FolderInUseError, match=f"process {os.getpid()}"):
        claim(tmp_path)
