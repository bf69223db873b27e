"""What the requests of the ASGI server leave behind in PostgreSQL."""

import asyncio

import httpx
import pytest
from django.db import connection

from mystic.asgi import application
from tests.product import until

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


def sessions():
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS)
        return cursor.fetchone()[0]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_request_leaves_no_connection_open():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server that counts its sessions")

    async def ask_all():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answers = await asyncio.gather(*(client.get("/status/") for _ in range(12)))
        assert {answer.status_code for answer in answers} == {200}

    before = sessions()
    asyncio.run(ask_all())
    until("the connections of its threads to end", lambda: sessions() <= before)
