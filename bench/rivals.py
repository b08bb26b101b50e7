"""What else sends mail: Postfix's smtp-source, Flask-Mail as everyone uses it, smtplib with a compiled message.

The two in Python run in a process of their own: `python -m bench.rivals flask-mail FOLDER PORT NUMBER` prints
what it took as JSON. Their message is the product's own, taken from a relay and turned into templates.
"""

import json
import re
import resource
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from flask import Flask, render_template
from flask_mail import Mail, Message

from bench import debian, places
from bench.relays import Relay, late_sink

SENDER, TO = "newsletter@stadtwerke-musterstadt.example", "person-{number}@example.org"
FILES = ("body.txt", "body.html")
# Links of the product's mail, and what a template has in the place of what is personal in them.
PERSONAL = {
    r"(?<=/u/)[\w-]{40,}": "unsubscribe",
    r"(?<=/me/)[\w-]{40,}": "preferences",
    r"(?<=/[co]/)[\w-]{20,}": "measurement",
    r"Sehr geehrte Frau Dr\. Musterfrau": "greeting",
}


@dataclass(frozen=True)
class Sent:
    """What a rival came to. `processor` is in microseconds a mail."""

    mails: int
    seconds: float
    processor: float

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.mails / self.seconds


def write_templates(mail: bytes, folder: Path) -> int:
    """Turn the product's mail to the sample person into Jinja templates; return how many places they fill."""
    message = message_from_bytes(mail, policy=policy.default)
    places = 0
    for name, kind in zip(FILES, ("plain", "html"), strict=True):
        part = message.get_body((kind,))
        assert part is not None, f"the mail has no {kind} part"
        text = str(part.get_content())
        for pattern, word in PERSONAL.items():
            text, number = re.subn(pattern, f"{{{{ {word} }}}}", text)
            places += number
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "subject.txt").write_text(str(message["Subject"]), encoding="utf-8")
    # And in the head: To, Message-ID, List-Unsubscribe.
    return places + 3


def smtp_source(relay: Relay, number: int, sessions: int, payload: int) -> Sent:
    """Let Postfix's load generator send, over connections that it keeps (`-d`)."""
    source = debian.program("smtp-source")
    words = ["-d", "-s", str(sessions), "-m", str(number), "-l", str(payload), "-f", SENDER, "-t", TO.format(number=1)]
    used, start = _children_seconds(), time.monotonic()
    subprocess.run([str(source.path), *words, f"127.0.0.1:{relay.port}"], env=source.env, check=True)
    seconds = time.monotonic() - start
    return Sent(number, seconds, (_children_seconds() - used) / number * 1e6)


def payload_for(octets: int) -> int:
    """Return what smtp-source's `-l` must say, which counts no headers, for a message of so many octets."""
    with late_sink() as relay:
        smtp_source(relay, 1, 1, octets)
    assert relay.taken is not None
    return 2 * octets - relay.taken.octets


def in_python(name: str, folder: Path, relay: Relay, number: int) -> Sent:
    """Run one of the rivals in Python, the same one that the service has."""
    command = [places.python(), "-m", "bench.rivals", name, str(folder), str(relay.port), str(number)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=places.ROOT)
    return Sent(**json.loads(done.stdout))


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def personal(number: int) -> dict[str, str]:
    """Return the values of one recipient, as long as the product's."""
    word = f"{number:08}"
    return {
        "unsubscribe": (word * 6)[:48],
        "preferences": (word * 6)[:48],
        "measurement": f"abcdef-{(word * 3)[:20]}",
        "greeting": f"Sehr geehrte Frau Dr. Muster{number}",
    }


def flask_mail(folder: Path, port: int, number: int) -> None:
    """Send as everyone does: the templates rendered for each recipient, `mail.send` for each message."""
    app = Flask("bench", template_folder=str(folder))
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=port, MAIL_DEFAULT_SENDER=SENDER)
    mail = Mail(app)
    subject = (folder / "subject.txt").read_text(encoding="utf-8")
    with app.app_context():
        for count in range(number):
            values = personal(count)
            message = Message(subject, recipients=[TO.format(number=count)])
            message.body, message.html = (render_template(name, **values) for name in FILES)
            message.extra_headers = {"List-Unsubscribe": f"<https://example.org/u/{values['unsubscribe']}>"}
            mail.send(message)


def smtplib_compiled(folder: Path, port: int, number: int) -> None:
    """Send over one kept connection with `sendmail`; the message is built once, and its places filled."""
    pieces = re.split(rb"q-(\w+)-q", _compiled(folder))
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for count in range(number):
            values = personal(count) | {"to": TO.format(number=count), "id": f"{count:032}"}
            filled = list(pieces)
            filled[1::2] = [values[name.decode()].encode() for name in pieces[1::2]]
            connection.sendmail(SENDER, values["to"], b"".join(filled))


def _compiled(folder: Path) -> bytes:
    message = EmailMessage(policy=policy.SMTP.clone(cte_type="8bit", max_line_length=998))
    message["From"], message["To"], message["Message-ID"] = SENDER, "q-to-q@example.org", "<q-id-q@example.org>"
    message["Subject"] = (folder / "subject.txt").read_text(encoding="utf-8")
    message["List-Unsubscribe"] = "<https://example.org/u/q-unsubscribe-q>"
    text, html = (re.sub(r"\{\{ (\w+) \}\}", r"q-\1-q", (folder / name).read_text(encoding="utf-8")) for name in FILES)
    message.set_content(text, cte="8bit")
    message.add_alternative(html, subtype="html", cte="8bit")
    return message.as_bytes().replace(b"q-to-q@example.org", b"q-to-q")


RIVALS: dict[str, Callable[[Path, int, int], None]] = {"flask-mail": flask_mail, "smtplib": smtplib_compiled}


def main(arguments: list[str]) -> None:
    """Send, and print what it took."""
    name, folder, port, number = arguments
    used, start = time.process_time(), time.monotonic()
    RIVALS[name](Path(folder), int(port), int(number))
    seconds = time.monotonic() - start
    each = (time.process_time() - used) / int(number) * 1e6
    print(json.dumps({"mails": int(number), "seconds": seconds, "processor": each}))


if __name__ == "__main__":
    main(sys.argv[1:])
