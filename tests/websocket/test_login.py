"""Who opens a socket, from where, and how soon an ended login ends it."""

from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from django.test import Client
from django.utils import timezone

from mystic.lib import live_rooms
from mystic.models import ApiToken
from tests.websocket.conftest import ORIGIN

pytestmark = pytest.mark.django_db(transaction=True)

FOREIGN = [
    "http://evil.example",
    "http://localhost:9999",
    "https://localhost:8000",
    "http://127.0.0.1:8001",
    "http://localhost",
    "null",
    "",
    "localhost:8000",
    "http://localhost:8000.evil.example",
    "http://localhost:port",
]


def test_a_page_of_another_origin_is_refused_before_it_opens(open_socket, ann, cookie_of):
    cookie = cookie_of(ann)

    async def scenario(open_one):
        for origin in FOREIGN:
            assert (origin, await open_one(headers={"origin": origin} | cookie)) == (origin, None)
            assert (origin, await open_one(headers={"origin": origin})) == (origin, None)

    open_socket(scenario)


def test_a_session_needs_an_origin_a_program_without_one_is_nobody(open_socket, ann, cookie_of):
    cookie = cookie_of(ann)

    async def scenario(open_one):
        assert await open_one(headers={"origin": None} | cookie) is None
        program = await open_one(headers={"origin": None})
        await program.say("subscribe", channel="system")
        assert (await program.hear())["type"] == "subscribed"
        await program.say("subscribe", channel="portfolio")
        assert (await program.hear())["code"] == "not_authenticated"

    open_socket(scenario)


def test_a_foreign_host_is_refused(open_socket, transactional_db):
    async def scenario(open_one):
        headers = {"host": "evil.example", "origin": "http://evil.example"}
        assert await open_one(headers=headers) is None

    open_socket(scenario)


@pytest.mark.parametrize("origin", [ORIGIN, "HTTP://LOCALHOST:8000"])
def test_our_own_page_with_its_session_is_known(open_socket, ann, cookie_of, origin):
    cookie = cookie_of(ann)

    async def scenario(open_one):
        socket = await open_one("/ws/trading", headers={"origin": origin} | cookie)
        assert (await socket.hear())["data"] == {"channel": "portfolio"}

    open_socket(scenario)


def test_a_token_counts_by_header_and_by_subprotocol(open_socket, ann, token_of):
    key = token_of(ann)

    async def scenario(open_one):
        by_header = await open_one(
            "/ws/trading", headers={"origin": None, "authorization": f"Token {key}"}
        )
        assert (await by_header.hear())["type"] == "subscribed"
        by_protocol = await open_one("/ws/signals", subprotocols=["mystic", f"token.{key}"])
        assert by_protocol.protocol == "mystic"
        assert (await by_protocol.hear())["data"] == {"channel": "signals"}

    open_socket(scenario)


def test_a_wrong_token_closes_4401_even_with_a_good_session(open_socket, ann, cookie_of, token_of):
    cookie = cookie_of(ann)
    expired = token_of(ann, expires_at=timezone.now() - timedelta(seconds=1))

    async def scenario(open_one):
        for key in ("my_wrong", "", "my_" + "x" * 5000, "\x7f" * 20, expired):
            headers = {"authorization": f"Token {key}"} | cookie
            assert await (await open_one(headers=headers)).closed() == 4401
        socket = await open_one(subprotocols=["mystic", "token.my_wrong"])
        assert await socket.closed() == 4401

    open_socket(scenario)


def _disable(user):
    user.is_active = False
    user.save(update_fields=["is_active"])


def _change_password(user):
    user.set_password("another horse 9")
    user.save(update_fields=["password"])


@pytest.mark.parametrize("end", [_disable, _change_password, lambda user: user.delete()])
def test_an_ended_login_is_closed(open_socket, ann, ben, monkeypatch, end):
    monkeypatch.setattr(live_rooms, "LOGINS_EVERY_S", 0.3)
    keys = {}
    for user in (ann, ben):
        browser = Client()
        browser.force_login(user)
        keys[user.pk] = browser.cookies["sessionid"].value
    ann_pk, ben_pk = ann.pk, ben.pk

    async def scenario(open_one):
        hers = await open_one("/ws/trading", headers={"cookie": f"sessionid={keys[ann_pk]}"})
        his = await open_one("/ws/trading", headers={"cookie": f"sessionid={keys[ben_pk]}"})
        await database_sync_to_async(end)(ann)
        assert await hers.closed(within_s=5) == 4401
        await his.say("ping")
        assert (await his.hear_kind("pong"))["type"] == "pong"

    open_socket(scenario)


def test_logging_out_and_revoking_a_token_close_their_sockets(open_socket, ann, client, token_of):
    assert live_rooms.LOGINS_EVERY_S + 1 < 5
    client.force_login(ann)
    cookie = {"cookie": f"sessionid={client.cookies['sessionid'].value}"}
    key = token_of(ann)

    def end_both():
        client.logout()
        ApiToken.objects.all().delete()

    async def scenario(open_one):
        page = await open_one("/ws/trading", headers=cookie)
        program = await open_one("/ws/trading", headers={"authorization": f"Token {key}"})
        await database_sync_to_async(end_both)()
        assert await page.closed(within_s=5) == 4401
        assert await program.closed(within_s=5) == 4401

    open_socket(scenario)


def test_rights_are_looked_up_again_for_each_message(open_socket, ann, token_of, monkeypatch):
    monkeypatch.setattr(live_rooms, "LOGINS_EVERY_S", 600.0)
    key = token_of(ann)

    async def scenario(open_one):
        socket = await open_one(headers={"authorization": f"Token {key}"})
        await database_sync_to_async(ApiToken.objects.all().delete)()
        await socket.say("subscribe", channel="portfolio")
        assert (await socket.hear())["code"] == "not_authenticated"
        assert await socket.closed() == 4401

    open_socket(scenario)
