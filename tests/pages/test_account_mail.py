"""The mails of the account pages while the mail server is away."""

import socket

import pytest
from django.core import mail

PAGE = "/accounts/password/reset/"


@pytest.fixture
def no_mail_server(settings):
    with socket.socket() as taken:  # bound but not listening: whoever connects is refused
        taken.bind(("127.0.0.1", 0))
        options = {"host": "127.0.0.1", "port": taken.getsockname()[1], "timeout": 2}
        backend = "django.core.mail.backends.smtp.EmailBackend"
        settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
        yield


@pytest.mark.parametrize("address", ["ann@example.org", "nobody@example.org"])
def test_a_mail_server_that_is_away_is_said_the_same_to_everybody(
    client, ann, no_mail_server, address, caplog
):
    answer = client.post(PAGE, {"email": address})
    assert answer.status_code == 503
    assert "The mail could not be sent" in answer.content.decode()
    assert address not in caplog.text


def test_with_a_mail_server_the_link_goes_out(client, ann):
    assert client.post(PAGE, {"email": ann.email}).status_code == 302
    (sent,) = mail.outbox
    assert sent.to == [ann.email]
    assert "/accounts/password/reset/key/" in sent.body
