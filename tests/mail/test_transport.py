"""The connection to the relay: whose fault a refusal is, and what of a reply counts."""

import socketserver
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest
from flask import Flask

from newsletter.mail import transport
from newsletter.mail.message import Email
from newsletter.mail.replies import COMPLETED, InDoubt, RelayAway, Reply, SendError, Unusable
from tests.sink import Sink

pytestmark = pytest.mark.usefixtures("app")
TO = "kim.beispiel@example.org"


def send() -> Reply:
    with transport.relay() as connection:
        return connection.hand_over(
            Email(
                to=TO, subject="Hallo", text="Text\n", html="<p>Text</p>\n", from_name="Stadtwerke",
                from_address="news@example.org", message_id="<1@example.org>",
            )
        )  # fmt: skip


class Scripted(socketserver.StreamRequestHandler):
    """Answers each command with what the test wants, however strange."""

    replies: ClassVar[dict[bytes, bytes]] = {}
    usual: ClassVar[dict[bytes, bytes]] = {
        b"EHLO": b"250-scripted.example\r\n250 AUTH PLAIN LOGIN",
        b"DATA": b"354 go on",
    }

    def handle(self) -> None:
        self.wfile.write(b"220 scripted.example\r\n")
        in_content = False
        for line in self.rfile:
            if in_content and line != b".\r\n":
                continue
            verb = b"DOT" if in_content else line[:4].upper()
            self.wfile.write(self.replies.get(verb, self.usual.get(verb, b"250 fine")) + b"\r\n")
            in_content = verb == b"DATA"
            if verb == b"QUIT":
                return


@pytest.fixture
def scripted(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[bytes, bytes]]:
    """A relay that says just what stands in this dict: command (or DOT) to reply."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Scripted) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(Scripted, "replies", {})
        monkeypatch.setattr(app.extensions["mail"], "port", server.server_address[1])
        yield Scripted.replies
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("command", [b"MAIL", b"RCPT", b"DOT"])
@pytest.mark.parametrize("reply", [b"250 2.0.0 fine", b"251 will forward", b"252 not verified", b"299 so be it"])
def test_every_reply_that_starts_with_2_is_a_yes(scripted: dict[bytes, bytes], command: bytes, reply: bytes) -> None:
    scripted[command] = reply

    assert send().is_a(COMPLETED)


def test_a_yes_where_the_content_should_be_asked_for_is_none(app: Flask, scripted: dict[bytes, bytes]) -> None:
    app.config["MAIL_TIMEOUT"] = 1  # the script takes what comes then for content, and says nothing more
    scripted[b"DATA"] = b"250 fine"

    with pytest.raises(SendError):
        send()


@pytest.mark.parametrize("phase", ["RCPT", "DOT"])
@pytest.mark.parametrize("reply", ["554 5.7.1 Relay access denied", "550 5.7.26 not authenticated"])
def test_policy_is_never_the_recipients_fault(sink: Sink, phase: str, reply: str) -> None:
    sink.refuse(reply, phase=phase)

    with pytest.raises(SendError) as refused:
        send()

    assert (refused.value.permanent, refused.value.recipient) == (True, False)


@pytest.mark.parametrize("phase", ["RCPT", "DOT"])
def test_an_address_that_is_not_there_is(sink: Sink, phase: str) -> None:
    sink.refuse("550 5.1.1 no such user", phase=phase)

    with pytest.raises(SendError) as refused:
        send()

    assert (refused.value.permanent, refused.value.recipient) == (True, True)


def test_greylisting_is_no_policy() -> None:
    assert not Reply.read(450, b"4.7.1 come back later").policy


def test_gibberish_at_the_final_dot_leaves_it_in_doubt(sink: Sink) -> None:
    sink.refuse("what?", phase="DOT")

    with pytest.raises(InDoubt):
        send()


@pytest.mark.parametrize("setting", ["username", "password", "server"])
def test_settings_that_smtp_can_not_carry_are_told_by_the_doctor(
    app: Flask, scripted: dict[bytes, bytes], setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = app.extensions["mail"]
    monkeypatch.setattr(settings, "username", "news")
    monkeypatch.setattr(settings, "password", "geheim")
    monkeypatch.setattr(settings, setting, "a..example" if setting == "server" else "schlüssel")

    with pytest.raises(Unusable) as unusable:
        send()
    said = app.test_cli_runner().invoke(args=["doctor"]).output

    assert isinstance(unusable.value, RelayAway)
    assert unusable.value.permanent
    assert "schlüssel" not in said
    assert "MAIL_PASSWORD holds what can't be sent" in said
