"""Address and name where they do not belong: in URLs, headers, wrong kinds of JSON, halves of requests, files."""

import json
from collections.abc import Iterator

from tests.canaries import visitor
from tests.canaries.bird import Bird
from tests.canaries.stage import Stage
from tests.canaries.visitor import FORM

JSON = {"Content-Type": "application/json"}
Request = tuple[str, str, bytes | None, dict[str, str]]


def everywhere(stage: Stage, slug: str, bird: Bird) -> None:
    """Send every odd request there is, and read no answer."""
    for method, path, body, headers in _requests(slug, bird):
        visitor.ask(stage.processes.url, method, path, body, headers)
    for octets in _shouts(slug, bird):
        visitor.shout(stage.processes.url, octets)


def files(stage: Stage, slug: str, bird: Bird) -> None:
    """Import files that can't be used, and call commands wrongly. The files are the caller's, not the service's."""
    name = bird.name["last_name"]
    sheets = (
        f"email;last_name\n{bird.address};{name}\n{bird.typed}@twice;{name}\n;{name}\n".encode(),
        f"email;last_name\n{bird.typed};{name * 20}\n{bird.typed};{name}\0\n".encode(),
        f"email,last_name\n{bird.address},{name}\n".encode("utf-16"),
        f"email,last_name\n{bird.address},{name}\n".encode("latin-1"),
        f'email,last_name\n"{bird.address},{name}\n'.encode(),
        f"{bird.address},{name}\n{bird.address}\n".encode(),
        f"email,salutation,measured\n{bird.address},{name},{bird.typed}\n".encode(),
    )
    for number, sheet in enumerate(sheets):
        # Beside the home, which is looked through.
        path = stage.home.with_name(f"{stage.home.name}-sheet-{number}.csv")
        path.write_bytes(sheet)
        stage.command("import", str(path), "--newsletter", slug, "--consent", "Auf der Messe, auf Papier.")
        path.unlink()
    away = {"DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:9/nowhere"}
    for words in (("forget", bird.typed), ("proof", bird.typed), ("export", "--newsletter", slug)):
        stage.command(*words)
        stage.command(*words, env=away)
    stage.command("forget", f"{bird.typed},{name}")


def _requests(slug: str, bird: Bird) -> Iterator[Request]:
    email, name = bird.typed, bird.name["last_name"]
    fields = f"email={email}&last_name={name}".encode()
    signups = f"/api/v1/newsletters/{slug}/signups"
    for path in (
        f"/{email}", f"/n/{email}", f"/n/{slug}?email={email}&last_name={name}", f"/u/{email}", f"/u/{email}?a={name}",
        f"/me/{email}", f"/me/{email}/download", f"/confirm/{email}", f"/not-me/{email}", f"/o/{email}.gif",
        f"/c/{email}/1", f"/c/{email}/{name}", f"/static/{email}", f"/api/v1/newsletters/{email}", f"/privacy/{email}",
        f"/staff/{email}", f"/staff/set-password/{email}", f"/staff/login?next=/{email}", f"/contact?matter={email}",
        f"/metrics?{email}", f"/readyz?{email}", f"//{email}", f"/n/{slug}/../{email}", f"/{email * 300}",
    ):  # fmt: skip
        yield "GET", path, None, {}
        yield "HEAD", path, None, {}
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
        yield method, f"/{email}", fields, {"Content-Type": FORM}
        yield method, f"/n/{slug}", fields, {"Content-Type": FORM}
        yield method, f"/api/v1/campaigns/{email}", fields, JSON
    for header in (
        "User-Agent", "Referer", "X-Forwarded-For", "Forwarded", "Cookie", "Host", "Accept-Language", "Authorization",
        "Origin", "Content-Type", "Accept", "From", "If-None-Match", "X-CSRFToken", email.partition("@")[0],
    ):  # fmt: skip
        yield "GET", f"/n/{slug}", None, {header: f"{email} {name}"}
        yield "POST", f"/n/{slug}", fields, {"Content-Type": FORM, header: f"{email} {name}"}
    yield "GET", "/api/v1/campaigns", None, {"Authorization": f"Bearer {email}"}
    for value in (
        {"email": {"x": email}}, {"email": [email]}, [email], email, {"email": email, "last_name": {name: name}},
        {"email": email, "last_name": [name]}, {email: name}, {"email": email, "language": name},
        {"email": email, "measurement": name}, {"email": f"{email}\r\nBcc: {email}"}, {"email": email * 20},
        {"email": email, "first_name": name * 5000}, {"email": f"{name}@{email}"},
    ):  # fmt: skip
        yield "POST", signups, json.dumps(value).encode(), JSON
        yield "POST", signups, json.dumps(value).encode(), {"Content-Type": FORM}
        yield "POST", f"/n/{slug}", json.dumps(value, ensure_ascii=False).encode("utf-16"), JSON
    yield "POST", signups, f'{{"email": "{email}", '.encode(), JSON
    yield "POST", signups, f'{{"email": "{email}"}} {name}'.encode("latin-1"), JSON
    yield "POST", f"/n/{slug}", fields + b"&x=" + name.encode() * 5000, {"Content-Type": FORM}
    yield "POST", f"/n/{slug}", fields + b"%ff%00\xff\0", {"Content-Type": FORM}
    yield "POST", f"/n/{slug}", fields, {"Content-Type": f"multipart/form-data; boundary={bird.local}"}
    yield "POST", f"/n/{slug}", fields, {"Content-Encoding": email, "Content-Type": FORM}
    for path in ("/staff/login", "/staff/logout", "/staff/newsletters/new", "/staff/admin/accounts", f"/staff/{email}"):
        yield "POST", path, fields + b"&password=" + name.encode(), {"Content-Type": FORM}
        yield "POST", path, fields + f"&csrf_token={email}".encode(), {"Content-Type": FORM, "Cookie": f"staff={email}"}
    for path in ("/contact", "/u/others", "/u/undo", "/me/x/fresh", "/confirm/x"):
        yield (
            "POST",
            path,
            f"{fields.decode()}&leave={email}&undo={email}&matter={name}&text={name}".encode(),
            {"Content-Type": FORM},
        )


def _shouts(slug: str, bird: Bird) -> Iterator[bytes]:
    email, name = bird.typed.encode(), bird.name["last_name"].encode()
    yield email + b" " + name + b"\r\n\r\n"
    yield b"GET /" + email + b" HTTP/9.9\r\nHost: " + name + b"\r\n\r\n"
    yield b"GET /\r\n" + email + b"\r\n" + name + b"\r\n\r\n"
    yield b"GET / HTTP/1.1\r\nHost: x\r\n" + email + b": " + name + b"\r\n\r\n"
    yield b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + email * 5000 + b"\r\n\r\n"
    yield b"POST /n/" + slug.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nemail=" + email
    yield b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + email + b"\r\n" + name
    yield b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + email + b"\r\n\r\n" + name
    yield b"\x16\x03\x01" + email + name
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + email
