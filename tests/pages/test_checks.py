"""The set-up that `manage.py check` judges, and the files that are served."""

import hashlib
import re

import pytest
from django.conf import settings as django_settings

from mystic.checks import reachable_by_others

STATIC = django_settings.ROOT / "static"


def ids(found):
    return [one.id for one in found]


def test_a_server_for_this_machine_alone_is_fine(settings, configure):
    configure(HOST="127.0.0.1", MYSTIC_SIGNUP=True)
    settings.DEBUG = True
    assert reachable_by_others(None) == []


def test_a_server_for_others_is_told_what_it_opens(settings, configure):
    configure(HOST="0.0.0.0", MYSTIC_SIGNUP=True)  # noqa: S104  the case that is judged
    settings.DEBUG, settings.IS_HTTPS = True, False
    assert ids(reachable_by_others(None)) == ["mystic.E001", "mystic.W001", "mystic.W002"]
    configure(HOST="0.0.0.0", MYSTIC_SIGNUP=False)  # noqa: S104  the case that is judged
    settings.DEBUG, settings.IS_HTTPS = False, True
    assert reachable_by_others(None) == []


def versions():
    lines = (STATIC / "vendor" / "VERSIONS").read_text().splitlines()
    return [line.split() for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("line", versions(), ids=lambda line: line[0])
def test_vendored_files_are_those_that_were_fetched(line):
    _, version, licence, digest, path = line
    assert hashlib.sha256((STATIC / path).read_bytes()).hexdigest() == digest
    about = (django_settings.ROOT / "templates" / "mystic" / "about.html").read_text()
    assert version in about
    assert {"Apache-2.0": "Apache License 2.0", "ISC": "ISC"}[licence] in about


def test_every_icon_that_a_template_names_is_in_the_sprite():
    known = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons" / "sprite.svg").read_text()))
    used = set()
    for path in (django_settings.ROOT / "templates").rglob("*.html"):
        used |= set(re.findall(r'{% icon "([\w-]+)" %}', path.read_text()))
    assert used
    assert used - known == set()


def test_no_template_holds_what_the_policy_refuses():
    wrong = re.compile(r'\sstyle="|\son[a-z]+="|hx-on|<style|<script(?![^>]*\ssrc=)|"js:')
    for path in (django_settings.ROOT / "templates").rglob("*.html"):
        if "email" not in path.parts:
            assert wrong.search(path.read_text()) is None, path
