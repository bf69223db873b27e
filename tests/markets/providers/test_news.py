"""News feeds: RSS and Atom read politely; what is hostile in them does no harm."""

import pytest
import pytest_asyncio

from markets.providers.news import FeedReader, public_only, rows_of
from mystic.lib.http import Malformed, RateLimited, Refused, Unreachable
from tests.servers_feeds import NewsServer, item, rss

pytestmark = pytest.mark.asyncio
ATOM = b"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>Blocks</title>
<entry><title type="html">Rates &amp;amp; &lt;b&gt;bonds&lt;/b&gt;</title>
<link rel="alternate" href="https://news.example/a?utm_source=atom&amp;id=1"/>
<id>urn:uuid:1</id><updated>2026-11-20T10:00:00Z</updated>
<published>2026-11-20T09:30:00+01:00</published><summary>Short.</summary></entry></feed>"""


async def anywhere(url):
    """Tests talk to loopback, which the product's own policy forbids."""


@pytest_asyncio.fixture
async def server():
    async with NewsServer() as one:
        yield one


@pytest.fixture
def reader():
    return FeedReader(policy=anywhere)


async def test_rss(reader, server):
    server.bodies["/rss"] = rss(
        item(
            "Bitcoin &amp; Ether rise",
            link="https://news.example/b?utm_medium=rss#top",
            guid="b-1",
            date="Fri, 20 Nov 2026 09:30:00 +0000",
            summary="&lt;p&gt;Both &lt;b&gt;rose&lt;/b&gt;.&lt;/p&gt;&lt;img src=x&gt;",
        ),
        item("Undated", date="yesterday"),
        item("", link="https://news.example/untitled"),
    )
    first, second = (await reader.read(f"{server.rest_url}/rss")).rows
    assert (first.title, first.link, first.guid, first.summary) == (
        "Bitcoin & Ether rise",
        "https://news.example/b",
        "b-1",
        "Both rose.",
    )
    assert first.published_ms == 1_795_167_000_000
    assert (second.title, second.published_ms, second.link) == ("Undated", None, "")
    (asked,) = server.requests
    assert asked.headers["User-Agent"] == "Mystic"
    assert "rss+xml" in asked.headers["Accept"]


async def test_atom(reader, server):
    server.bodies["/atom"] = ATOM
    (row,) = (await reader.read(f"{server.rest_url}/atom")).rows
    assert (row.title, row.link, row.guid) == (
        "Rates & bonds",
        "https://news.example/a?id=1",
        "urn:uuid:1",
    )
    assert row.published_ms == 1_795_163_400_000


async def test_nothing_new_is_said_with_304(reader, server):
    server.bodies["/rss"], server.etags["/rss"] = rss(item("One")), '"abc"'
    first = await reader.read(f"{server.rest_url}/rss")
    assert (first.etag, first.is_unchanged) == ('"abc"', False)
    again = await reader.read(f"{server.rest_url}/rss", etag='"abc"', last_modified="Fri")
    assert (again.rows, again.is_unchanged, again.etag) == ([], True, '"abc"')
    assert server.requests[1].headers["If-Modified-Since"] == "Fri"


async def test_a_query_and_a_slash_at_the_end_are_kept(reader, server):
    server.bodies["/rss/"] = rss(item("One"))
    await reader.read(f"{server.rest_url}/rss/?a=1&b=")
    assert server.requests[0].query == {"a": ["1"]}
    assert server.requests[0].path == "/rss/"


async def test_redirects_are_followed_three_times(reader, server):
    server.bodies["/end"] = rss(item("One"))
    server.moved = {"/0": "/1", "/1": f"{server.rest_url}/2", "/2": "/3", "/3": "/end"}
    assert len((await reader.read(f"{server.rest_url}/1")).rows) == 1
    with pytest.raises(Malformed, match="more than 3 times"):
        await reader.read(f"{server.rest_url}/0")


async def test_every_hop_is_checked(server):
    seen = []

    async def first_only(url):
        seen.append(url)
        if len(seen) > 1:
            message = "not there"
            raise Refused(message)

    server.moved = {"/rss": "http://169.254.169.254/latest/meta-data"}
    with pytest.raises(Refused, match="not there"):
        await FeedReader(policy=first_only).read(f"{server.rest_url}/rss")
    assert seen[1] == "http://169.254.169.254/latest/meta-data"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.215.14/rss",
        "https://127.0.0.1/rss",
        "https://[::1]/rss",
        "https://localhost/rss",
        "https://10.1.2.3/rss",
        "https://169.254.169.254/latest/meta-data",
        "https://192.168.1.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://0.0.0.0/",
        "https://2130706433/",
        "https://224.0.0.1/",
        "https://user:word@93.184.215.14/rss",
        "file:///etc/passwd",
        "ftp://93.184.215.14/rss",
        "https:///rss",
        "javascript:alert(1)",
    ],
)
async def test_only_public_hosts_over_https_are_asked(url):
    with pytest.raises(Refused):
        await FeedReader().read(url)


async def test_a_public_address_is_allowed():
    await public_only("https://93.184.215.14/rss")


@pytest.mark.parametrize("kind", ["huge", "reset", "cut"])
async def test_faults_have_their_names(reader, server, kind):
    server.fail("/rss", kind=kind)
    with pytest.raises(Malformed if kind == "huge" else Unreachable):
        await reader.read(f"{server.rest_url}/rss")


async def test_a_feed_that_wants_silence(reader, server):
    server.fail("/rss", status=429, headers={"Retry-After": "900"})
    with pytest.raises(RateLimited) as caught:
        await reader.read(f"{server.rest_url}/rss")
    assert caught.value.retry_after_s == 900


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html><html><body>Just a moment...</body></html>",
        b'{"items": []}',
        b"/etc/passwd",
        b"https://news.example/rss",
        b"\x00\xff\xfe",
    ],
)
async def test_what_is_no_feed_is_an_error(body):
    with pytest.raises(Malformed, match="neither RSS nor Atom"):
        rows_of(body)


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<rss version="2.0"><channel><item><title>&lol2;</title></item></channel></rss>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE r [<!entity x SYSTEM "file:///etc/passwd">]>
<rss version="2.0"><channel><item><title>&x;</title></item></channel></rss>"""


@pytest.mark.parametrize("body", [LAUGHS, OUTSIDE, LAUGHS.decode().encode("utf-16")])
async def test_entities_are_refused_before_they_are_read(body):
    with pytest.raises(Malformed, match="declares entities"):
        rows_of(body)


async def test_html_and_scripts_in_a_title_become_words():
    (row,) = rows_of(
        rss(
            item(
                "&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;Up "
                "&amp;lt;b&amp;gt;10&amp;lt;/b&amp;gt; %",
                link="javascript:alert(3)",
                summary="<![CDATA[<iframe src='//evil'></iframe><p>Text</p><style>p{}</style>]]>",
            )
        )
    )
    assert (row.title, row.link, row.summary) == ("Up 10 %", "", "Text")


async def test_a_broken_end_loses_the_end_alone():
    found = rows_of(rss(item("One"), item("Two"))[:-30])
    assert [row.title for row in found][:1] == ["One"]


async def test_more_items_than_anyone_needs_are_left():
    assert len(rows_of(rss(*(item(f"Story {n}") for n in range(500))))) == 200
