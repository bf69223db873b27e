"""The HTTP client against a server that misbehaves in every way we know."""

import asyncio
import ssl
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mystic.lib.http import (
    Blocked,
    HttpClient,
    Insecure,
    Malformed,
    RateLimited,
    Refused,
    Unreachable,
    retry_after_s,
)
from mystic.lib.ratelimit import Priority, WeightBudget
from tests.servers import HTML, BinanceServer

pytestmark = pytest.mark.asyncio
PATH = "/api/v3/time"


class Time(msgspec.Struct):
    serverTime: int  # noqa: N815


@pytest_asyncio.fixture
async def venue():
    async with BinanceServer() as server:
        yield server


@pytest_asyncio.fixture
async def client(venue):
    async with HttpClient(venue.rest_url, read_s=0.3, total_s=1.0, backoff_base_s=0.01) as it:
        yield it


async def test_a_good_answer_is_decoded_into_its_type(venue, client):
    assert await client.get_json(PATH, type=Time) == Time(venue.time_ms)
    assert len(venue.asked(PATH)) == 1


@pytest.mark.parametrize("kind", ["close", "reset", "cut"])
async def test_a_broken_connection_is_tried_again_and_heals(venue, client, kind):
    venue.fail(PATH, kind=kind, times=2)
    assert (await client.get_json(PATH, type=Time)).serverTime == venue.time_ms
    assert len(venue.asked(PATH)) == 3


async def test_three_tries_and_no_more(venue, client):
    venue.fail(PATH, status=502)
    with pytest.raises(Unreachable, match="502") as told:
        await client.get(PATH)
    assert told.value.retryable
    assert len(venue.asked(PATH)) == 3


async def test_the_budget_of_time_holds_for_all_tries_together(venue, client):
    venue.fail(PATH, kind="silence")
    began = time.monotonic()
    with pytest.raises(Unreachable):
        await client.get(PATH)
    assert time.monotonic() - began < 8


async def test_a_dripping_body_is_given_up(venue):
    venue.fail(PATH, kind="drip")
    began = time.monotonic()
    async with HttpClient(venue.rest_url, total_s=0.4) as client:
        with pytest.raises(Unreachable, match="no whole answer"):
            await client.get(PATH)
    assert time.monotonic() - began < 8


async def test_a_body_over_the_cap_is_cut_off_and_not_asked_again(venue):
    venue.fail(PATH, kind="huge")
    async with HttpClient(venue.rest_url, max_bytes=200_000) as client:
        with pytest.raises(Malformed, match="over 200000 bytes"):
            await client.get(PATH)
    assert len(venue.asked(PATH)) == 1


@pytest.mark.parametrize("body", [HTML, b"", b'{"serverTime":', b"{}", b"\xff\xfe", b"[]"])
async def test_what_is_not_the_documented_json_is_malformed(venue, client, body):
    venue.fail(PATH, body=body, headers={"Content-Type": "text/html"})
    with pytest.raises(Malformed):
        await client.get_json(PATH, type=Time)
    assert len(venue.asked(PATH)) == 1


async def test_a_redirect_is_not_followed(venue, client):
    venue.fail(PATH, status=302, headers={"Location": f"{venue.rest_url}/api/v3/ping"})
    with pytest.raises(Malformed, match="redirects"):
        await client.get(PATH)
    assert venue.asked("/api/v3/ping") == []


@pytest.mark.parametrize(
    ("status", "body"),
    [(451, b"{}"), (403, HTML), (400, b'{"code":0,"msg":"from a restricted location"}')],
)
async def test_a_block_is_final(venue, client, status, body):
    venue.fail(PATH, status=status, body=body)
    with pytest.raises(Blocked) as told:
        await client.get(PATH)
    assert told.value.permanent
    assert len(venue.asked(PATH)) == 1


async def test_a_refusal_carries_the_code(venue, client):
    venue.fail(PATH, status=400, body=b'{"code":-1121,"msg":"Invalid symbol."}')
    with pytest.raises(Refused, match=r"Invalid symbol\. \(-1121\)") as told:
        await client.get(PATH)
    assert (told.value.status, told.value.code, told.value.permanent) == (400, -1121, True)


async def test_nobody_there(unused_tcp_port):
    async with HttpClient(f"http://127.0.0.1:{unused_tcp_port}", backoff_base_s=0.01) as client:
        with pytest.raises(Unreachable, match="ConnectError"):
            await client.get(PATH)


async def test_the_address_in_messages_has_no_query_and_no_password(unused_tcp_port):
    address = f"http://ann:secret@127.0.0.1:{unused_tcp_port}"
    async with HttpClient(address, backoff_base_s=0.01) as client:
        with pytest.raises(Unreachable) as told:
            await client.get(PATH, [("key", "hidden")])
    assert "secret" not in str(told.value)
    assert "hidden" not in str(told.value)
    assert f"127.0.0.1:{unused_tcp_port}{PATH}" in str(told.value)


async def test_429_silences_every_request_of_the_venue(venue, client):
    budget = WeightBudget(1000)
    venue.fail(PATH, status=429, headers={"Retry-After": "7"}, times=1)
    with pytest.raises(RateLimited) as told:
        await client.get(PATH, gate=budget.gate(1))
    assert (told.value.retry_after_s, told.value.is_ban) == (7.0, False)
    with pytest.raises(RateLimited, match="silent"):
        await client.get("/api/v3/ping", gate=budget.gate(1, Priority.LIVE))
    assert len(venue.requests) == 1


async def test_418_is_a_ban_until_the_date_it_names(venue, client):
    wall = [1_000_000]
    budget = WeightBudget(1000, wall_ms=lambda: wall[0])
    headers = {"Retry-After": "Wed, 21 Oct 2026 07:30:00 GMT"}
    headers["Date"] = "Wed, 21 Oct 2026 07:28:00 GMT"
    venue.fail(PATH, status=418, headers=headers, times=1)
    with pytest.raises(RateLimited) as told:
        await client.get(PATH, gate=budget.gate(1))
    assert (told.value.retry_after_s, told.value.is_ban) == (120.0, True)
    assert 1_120_000 <= budget.blocked_until_ms <= 1_132_001
    wall[0] = budget.blocked_until_ms - 1
    with pytest.raises(RateLimited) as told:
        await budget.acquire(1)
    assert told.value.is_ban
    wall[0] += 1
    await budget.acquire(1)
    assert not budget.is_banned


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 90.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:05 GMT"}, 0.0),
    ],
)
async def test_retry_after_in_both_forms(headers, seconds):
    assert retry_after_s(headers, wall_s=10.0) == seconds


@pytest.fixture
def certificate(tmp_path):
    """A certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "server.pem"
    path.write_bytes(key.private_bytes(pem, *form) + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_a_server_that_cannot_prove_who_it_is_is_never_trusted(certificate):
    reached = []

    async def serve(reader, writer):
        reached.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate)
    port = server.sockets[0].getsockname()[1]
    async with server, HttpClient(f"https://127.0.0.1:{port}") as client:
        with pytest.raises(Insecure, match="no valid certificate"):
            await client.get(PATH, [("secret", "1")])
    assert reached == []


async def test_tries_end_when_the_caller_is_cancelled(venue, client):
    venue.fail(PATH, kind="silence")
    task = asyncio.create_task(client.get(PATH))
    await venue.until(lambda: venue.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
