"""A relay for tests: a real SMTP server in a thread, which keeps what it got and misbehaves on demand.

    sink.refuse("550 5.1.1 no such user", address="gone@example.org")
    sink.refuse("451 4.3.0 later", phase="DOT", times=1)
    sink.drop("DOT", keep=True)      # takes the mail, and dies before it says so
    sink.hang("RCPT")                # until sink.behave()

Phases: CONNECT EHLO MAIL RCPT DATA (the command) DOT (the mail has been handed over).
"""

import asyncio
import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

# It writes every command at INFO, addresses included: that would be found where tests look for addresses.
logging.getLogger("mail.log").setLevel(logging.ERROR)

ADDRESS = re.compile(r"<([^>]*)>")


@dataclass(frozen=True)
class Mail:
    """One mail as the relay got it: envelope, octets, and when (aware, and monotonic for order)."""

    envelope_from: str
    to: list[str]
    raw: bytes
    at: datetime
    clock: float

    @cached_property
    def message(self) -> EmailMessage:
        """The parsed mail."""
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None, f"the mail has no {kind} part"
        return str(part.get_content())

    def link(self, path: str) -> str:
        """Return the first link in the text part whose URL holds `path`, such as `/confirm/`."""
        found = [url.rstrip(".,)>") for url in re.findall(r"https?://[^\s<>\"]+", self.text) if path in url]
        assert found, f"no link to {path} in: {self.text}"
        return found[0]


@dataclass
class Rule:
    """What to do at a phase, for one address or all, a number of times or always."""

    phase: str
    act: str
    address: str | None
    reply: str
    times: int | None
    keep: bool

    def wants(self, phase: str, addresses: list[str]) -> bool:
        """Return whether the rule is about this moment, and count it."""
        if phase != self.phase or self.times == 0:
            return False
        if self.address is not None and self.address not in addresses:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Sink:
    """The relay. `host` and `port` say where; `mails` holds what it took."""

    host: str = "127.0.0.1"
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._hanging: list[asyncio.Event] = []
        self._loop: _Loop | None = None

    def start(self) -> None:
        """Listen: on a free port at first, later on the same one."""
        self._loop = _Loop(self)
        self.port = self._loop.port

    def stop(self) -> None:
        """Go away: connections are refused until `start`."""
        self.behave()
        if self._loop:
            self._loop.stop()
            self._loop = None

    def refuse(self, reply: str, *, address: str | None = None, phase: str = "RCPT", times: int | None = None) -> None:
        """Answer with `reply`, such as "550 5.1.1 no such user"."""
        self.rules.append(Rule(phase, "refuse", address, reply, times, keep=False))

    def drop(self, phase: str, *, address: str | None = None, times: int | None = None, keep: bool = False) -> None:
        """Cut the connection; with `keep` (at DOT) the mail counts as taken all the same."""
        self.rules.append(Rule(phase, "drop", address, "", times, keep))

    def hang(self, phase: str, *, address: str | None = None, times: int | None = None, keep: bool = False) -> None:
        """Say nothing until `behave()` is called."""
        self.rules.append(Rule(phase, "hang", address, "", times, keep))

    def hold(self, phase: str, *, address: str | None = None, times: int | None = None) -> None:
        """Say nothing until `behave()` is called, and go on then as if nothing had been."""
        self.rules.append(Rule(phase, "hold", address, "", times, keep=False))

    @property
    def holding(self) -> bool:
        """Whether someone hangs here or is held now."""
        return bool(self._hanging)

    def behave(self) -> None:
        """Forget all rules, and let go of what hangs."""
        self.rules.clear()
        for event in self._hanging:
            if self._loop:
                self._loop.loop.call_soon_threadsafe(event.set)
        self._hanging.clear()

    def clear(self) -> None:
        """Forget rules and mails."""
        self.behave()
        self.mails.clear()
        self.connections = 0

    def to(self, address: str) -> list[Mail]:
        """Return the mails to `address`, in the order in which they came."""
        return [mail for mail in list(self.mails) if address in mail.to]

    def wait(self, number: int = 1, *, to: str | None = None, seconds: float = 30) -> list[Mail]:
        """Return the mails as soon as there are `number` of them (to `to`); fail after `seconds`."""
        return self.until(lambda: len(self._of(to)) >= number, lambda: self._of(to), seconds)

    def until(self, done: Callable[[], bool], result: Callable[[], list[Mail]], seconds: float) -> list[Mail]:
        with self._changed:
            assert self._changed.wait_for(done, seconds), f"{len(self.mails)} mails came within {seconds} s"
        return result()

    def _of(self, to: str | None) -> list[Mail]:
        return list(self.mails) if to is None else self.to(to)

    def take(self, envelope: Envelope) -> None:
        """Keep a mail (called by the server's thread)."""
        assert isinstance(envelope.original_content, bytes)
        mail = Mail(
            envelope.mail_from or "", list(envelope.rcpt_tos), envelope.original_content,
            datetime.now(UTC), time.monotonic(),
        )  # fmt: skip
        with self._changed:
            self.mails.append(mail)
            self._changed.notify_all()

    async def gate(
        self, server: SMTP, phase: str, addresses: list[str], envelope: Envelope | None = None
    ) -> str | None:
        """Return None to go on, or the reply to give instead ("" for none: the connection is gone)."""
        rule = next((rule for rule in list(self.rules) if rule.wants(phase, addresses)), None)
        if rule is None:
            return None
        if rule.keep and envelope is not None:
            self.take(envelope)
        if rule.act == "refuse":
            return rule.reply
        if rule.act in ("hang", "hold"):
            event = asyncio.Event()
            self._hanging.append(event)
            await event.wait()
        if rule.act == "hold":
            return None
        if server.transport is not None:
            server.transport.abort()
        return ""


class _Server(SMTP):
    """aiosmtpd's server with a gate before each phase."""

    def __init__(self, sink: Sink, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sink = sink

    async def _handle_client(self) -> None:
        self.sink.connections += 1
        reply = await self.sink.gate(self, "CONNECT", [])
        if reply is None:
            await super()._handle_client()
        elif reply and self.transport is not None:
            await self.push(reply)
            self.transport.close()

    async def _through(self, phase: str, arg: str | None, go_on: Callable[[Any], Any]) -> None:
        addresses = ADDRESS.findall(arg or "") if phase == "RCPT" else self.envelope.rcpt_tos if self.envelope else []
        reply = await self.sink.gate(self, phase, list(addresses))
        if reply is None:
            await go_on(arg)
        elif reply:
            await self.push(reply)

    async def smtp_QUIT(self, arg: str) -> None:
        await self._through("QUIT", arg, super().smtp_QUIT)

    async def smtp_EHLO(self, arg: str) -> None:
        await self._through("EHLO", arg, super().smtp_EHLO)

    async def smtp_MAIL(self, arg: str | None) -> None:
        await self._through("MAIL", arg, super().smtp_MAIL)

    async def smtp_RCPT(self, arg: str | None) -> None:
        await self._through("RCPT", arg, super().smtp_RCPT)

    async def smtp_DATA(self, arg: str) -> None:
        await self._through("DATA", arg, super().smtp_DATA)


class _Handler:
    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", responses[-1]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        reply = await self.sink.gate(server, "DOT", list(envelope.rcpt_tos), envelope)
        if reply is None:
            self.sink.take(envelope)
            return "250 2.0.0 taken"
        return reply or "421 4.3.2 gone"


class _Loop:
    """An event loop in a thread of its own that serves until it is stopped.

    Only that thread touches it: Playwright has a loop running in the main thread.
    """

    def __init__(self, sink: Sink) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="sink", daemon=True)
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(self._begin(sink), self.loop).result(10)

    async def _begin(self, sink: Sink) -> asyncio.Server:
        def server() -> _Server:
            return _Server(sink, _Handler(sink), hostname="sink.example", ident="for tests", loop=self.loop)

        return await self.loop.create_server(server, sink.host, sink.port)

    @property
    def port(self) -> int:
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    async def _end(self) -> None:
        self.server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
