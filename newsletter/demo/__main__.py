"""`make run`: the whole service on one machine, with everything it needs, until Ctrl-C.

Starts PostgreSQL, Valkey and a mail catcher unless the environment names others, migrates, fills an
empty installation, starts `web` and `worker` of the Procfile, and prints where everything is: four lines on standard
output. Progress goes to standard error, what the processes say to `var/log/`.

This process has no threads and does nothing but look after its children: when it ends, they end.
"""

import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from honcho.environ import parse_procfile

from newsletter.demo.home import Home
from newsletter.demo.postgres import start_postgres
from newsletter.demo.services import LOOPBACK, Child, Service, ServiceError, bind, spawn, start_valkey, tail

ROOT = Path(__file__).resolve().parent.parent.parent
WEB_PORT, INBOX_PORT = 8000, 8025
READY_SECONDS = 90
LOOK_SECONDS = 0.25
SLUG = "meine-stadtwerke"
"""Of the newsletter that `seed` makes; not imported from there, because that loads the whole app."""
SENDER = "Stadtwerke Musterstadt <newsletter@stadtwerke-musterstadt.example>"


class Ended(Exception):
    """Someone asked us to end."""


class Demo:
    """The children, and the environment they are started with."""

    def __init__(self, home: Home, environ: dict[str, str], stack: ExitStack) -> None:
        self.home = home
        self.env = environ
        self.stack = stack
        self.children: list[Child] = []
        self.started: list[Child] = []
        self.logs = home.path / "log"
        self.logs.mkdir(exist_ok=True)

    def settings(self) -> None:
        """Complete the environment: what it names stays, the rest is ours."""
        port = self.env.get("PORT") or self._web_port()
        defaults = {
            "PORT": port,
            "HOST": LOOPBACK,
            "PUBLIC_URL": f"http://localhost:{port}",
            "SECRET_KEY": self.home.secret_key(),
            "MAIL_DEFAULT_SENDER": SENDER,
            "PYTHONUNBUFFERED": "1",
        }
        self.env |= {name: value for name, value in defaults.items() if not self.env.get(name)}
        self.env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), self.env.get("PATH", os.defpath)])

    def _web_port(self) -> str:
        bound = self.stack.enter_context(self.home.port("web", WEB_PORT))
        # The server, which shares its port among its workers, is let in; it must belong to the same user.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return str(bound.getsockname()[1])

    def services(self) -> None:
        """Start what the environment does not name."""
        if not self.env.get("DATABASE_URL"):
            self.env["DATABASE_URL"] = self._serve("PostgreSQL", start_postgres, self.home.path / "postgres")
        if not self.env.get("REDIS_URL"):
            self.env["REDIS_URL"] = self._serve("Valkey", start_valkey, self.home.path / "valkey")

    def _serve(self, name: str, start: Callable[[Path], Service], directory: Path) -> str:
        say(f"Starting {name}")
        service = start(directory)
        self.stack.callback(service.stop)
        self.children.append(service.child)
        return service.url

    def inbox(self) -> str:
        """Start the mail catcher and return the words about it; or about the relay that the environment names."""
        if self.env.get("MAIL_SERVER"):
            return f"none: mail goes to {self.env['MAIL_SERVER']}"
        with self.home.port("inbox", INBOX_PORT) as http, bind(0) as smtp:
            arguments = [str(self.home.path / "inbox"), str(smtp.fileno()), str(http.fileno()), self.env["PUBLIC_URL"]]
            command = [sys.executable, "-m", "newsletter.demo.inbox", *arguments]
            self.start("inbox", command, pass_fds=(smtp.fileno(), http.fileno()))
            self.env |= {"MAIL_SERVER": LOOPBACK, "MAIL_PORT": str(smtp.getsockname()[1])}
            self.env |= {"MAIL_USE_TLS": "0", "MAIL_USE_SSL": "0"}
            return f"http://localhost:{http.getsockname()[1]}/"

    def prepare(self) -> str:
        """Migrate and fill; return the login's URL."""
        say("Preparing the database")
        answer = self.logs / "login"
        descriptor = os.open(answer, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "r+b") as output, self._log("prepare").open("wb") as log:
            command = [sys.executable, "-m", "newsletter", "demo", "prepare"]
            child = spawn("prepare", command, env=self.env, cwd=ROOT, output=output, errors=log)
            self.stack.callback(child.stop)
            if child.process.wait() != 0:
                raise ServiceError(f"The installation can't be prepared:\n{tail(self._log('prepare'))}")
            output.seek(0)
            url = output.read().decode().strip()
        answer.unlink()
        return url

    def processes(self) -> None:
        """Start `web` and `worker` of the Procfile, and wait until the pages answer."""
        commands = parse_procfile((ROOT / "Procfile").read_text()).processes
        for name in ("web", "worker"):
            say(f"Starting {name}")
            self.start(name, ["sh", "-c", commands[name]])
        # Everyone is asked at once to end, before each is waited for; the services still serve until then.
        self.stack.callback(self._ask_to_stop)
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            self.look_after()
            if time.monotonic() > deadline:
                raise ServiceError(f"The pages do not answer. The end of web.log:\n{tail(self._log('web'))}")

    def _ask_to_stop(self) -> None:
        for child in self.started:
            child.ask_to_stop()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.env['PORT']}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.HTTPError):
            return False

    def start(self, name: str, command: list[str], pass_fds: tuple[int, ...] = ()) -> None:
        """Start a child that is ours from now on."""
        with self._log(name).open("wb") as log:
            child = spawn(name, command, env=self.env, cwd=ROOT, output=log, pass_fds=pass_fds)
        self.stack.callback(child.stop)
        self.children.append(child)
        self.started.append(child)

    def look_after(self) -> None:
        """Wait a moment; raise `ServiceError` when a child has ended that should not."""
        time.sleep(LOOK_SECONDS)
        for child in self.children:
            if child.process.poll() is not None:
                raise ServiceError(f"{child.name} has ended. The end of its log:\n{tail(self._log(child.name))}")

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def say(text: str) -> None:
    """Tell the person at the terminal what goes on."""
    sys.stderr.write(f"{text}\n")


def run(home: Home) -> None:
    """Start everything, print the four lines, look after the children until someone ends it."""
    with home.kept(), ExitStack() as stack:
        demo = Demo(home, dict(os.environ), stack)
        demo.settings()
        demo.services()
        inbox = demo.inbox()
        login = demo.prepare()
        demo.processes()
        url = demo.env["PUBLIC_URL"]
        print(f"Sign-up page  {url}/n/{SLUG}")
        print(f"Inbox         {inbox}")
        print(f"Staff pages   {url}/staff/")
        print(f"Staff login   {login}", flush=True)
        while True:
            demo.look_after()


def _end(number: int, _frame: object) -> None:
    # Asked once is enough: a second Ctrl-C must not interrupt the ending.
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    raise Ended(number)


def main() -> int:
    """Run the demonstration; return the exit code: 0 when it was asked to end, 1 when something failed."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _end)
    home = Home(Path(os.environ.get("NEWSLETTER_HOME") or ROOT / "var").resolve())
    try:
        run(home)
    except Ended:
        say("Ended. The data are kept in " + str(home.path))
        return 0
    except (ServiceError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
