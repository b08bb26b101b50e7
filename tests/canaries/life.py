"""One bird's life, by forms, links and mails. A step returns whether it is done; if not, it comes again."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.canaries import visitor
from tests.canaries.bird import Bird
from tests.canaries.stage import Stage
from tests.sink import Mail

ENDINGS = (
    "stays", "one click", "stays", "page", "undone", "not me", "preferences", "stays", "never confirms", "bounces",
    "forgotten",
)  # fmt: skip
UNCONFIRMED = ("not me", "never confirms")
STAYING = ("stays", "undone")
UNDO = re.compile(r'name="undo" value="([^"]+)"')
DONE = (200, 202, 303, 404, 410)
"""Whoever asks twice may be told that it is done."""


@dataclass
class Life:
    """A bird on a newsletter, and what it still holds in hand."""

    bird: Bird
    slug: str
    undo: str = ""
    granted: str = ""
    """The path of a link that was mailed on request, and permits more."""

    @property
    def ending(self) -> str:
        """How it ends."""
        return ENDINGS[self.bird.number % len(ENDINGS)]

    @property
    def confirms(self) -> bool:
        """Whether it becomes a recipient."""
        return self.ending not in UNCONFIRMED

    @property
    def remains(self) -> bool:
        """Whether it is a recipient still behind the campaign: who bounced may be gone by then."""
        return self.confirms and self.ending != "bounces"

    @property
    def moves(self) -> bool:
        """Whether it changes its address before that."""
        return self.remains and self.bird.number % 3 == 0

    def mail(self, stage: Stage, kind: str) -> Mail | None:
        """Return the newest mail that has a link of this kind."""
        here, there = (stage.sink.to(address) for address in (self.bird.address, self.bird.elsewhere))
        found = [mail for mail in (*here, *there) if kind in mail.text]
        return found[-1] if found else None

    def path(self, stage: Stage, kind: str) -> str | None:
        """Return the path of that link."""
        mail = self.mail(stage, kind)
        return urlsplit(mail.link(kind)).path if mail else None


Step = Callable[[Stage, Life], bool]


def sign_up(stage: Stage, life: Life) -> bool:
    """By the form, or by the API."""
    fields = {"email": life.bird.typed, **life.bird.name}
    url = stage.processes.url
    if life.bird.number % 3:
        return visitor.post(url, f"/n/{life.slug}", fields).status == 200
    body, headers = json.dumps(fields).encode(), {"Content-Type": "application/json"}
    return visitor.ask(url, "POST", f"/api/v1/newsletters/{life.slug}/signups", body, headers).status == 202


def got_confirmation(stage: Stage, life: Life) -> bool:
    """Whether the mail to confirm is there."""
    return life.mail(stage, "/confirm/") is not None


def confirm(stage: Stage, life: Life) -> bool:
    """Look at the page, and say yes, or "that was not me", or nothing."""
    if life.ending == "never confirms":
        return True
    path = life.path(stage, "/confirm/" if life.confirms else "/not-me/")
    if path is None:
        return False
    visitor.ask(stage.processes.url, "GET", path)
    return visitor.post(stage.processes.url, path, {}).status in DONE


def got_welcome(stage: Stage, life: Life) -> bool:
    """Whether the welcome is there; it has the link to leave."""
    return not life.confirms or life.mail(stage, "/u/") is not None


def read(stage: Stage, life: Life) -> bool:
    """Open the campaign's mail, and click."""
    mail = life.mail(stage, "/c/")
    if mail is None:
        return True
    pixel = re.search(r'src="([^"]+/o/[^"]+)"', mail.html)
    for url in filter(None, (pixel and pixel.group(1), mail.link("/c/"))):
        visitor.ask(stage.processes.url, "GET", urlsplit(url).path)
    return True


def change(stage: Stage, life: Life) -> bool:
    """Look at what is stored, change the name, object, restrict and lift that again."""
    path = life.path(stage, "/me/")
    if path is None or not life.confirms:
        return not life.confirms
    url = stage.processes.url
    renamed = {**life.bird.name, "first_name": life.bird.name["first_name"] + " umbenannt"}
    answers = [
        visitor.ask(url, "GET", path),
        visitor.post(url, path, renamed),
        visitor.post(url, path, {**renamed, "last_name": life.bird.name["last_name"] * 20}),
        visitor.post(url, f"{path}/measurement", {"measured": "no"}),
        visitor.post(url, f"{path}/restriction", {"restricted": "yes"}),
        visitor.post(url, f"{path}/restriction", {"restricted": "no"}),
    ]
    return all(answer.status in (*DONE, 422) for answer in answers)


def ask_for_a_link(stage: Stage, life: Life) -> bool:
    """Ask for a fresh link, which permits more; no oftener than it must be, for it is mailed three times a day."""
    path = life.path(stage, "/me/")
    if path is None or not life.remains:
        return not life.remains
    return visitor.post(stage.processes.url, f"{path}/fresh", {}).status == 200


def take_along(stage: Stage, life: Life) -> bool:
    """Download what is stored, by the link that was mailed on request."""
    for mail in stage.sink.to(life.bird.address) if life.remains else ():
        path = urlsplit(mail.link("/me/")).path if "/me/" in mail.text else ""
        if path and '"newsletter-disclosure/' in visitor.ask(stage.processes.url, "GET", f"{path}/download").text:
            life.granted = path  # other links lead to the page instead
    return life.granted != "" or not life.remains


def ask_to_move(stage: Stage, life: Life) -> bool:
    """Have a link mailed to another address: every third of them."""
    path = life.granted
    if not life.moves:
        return True
    wrong = visitor.post(stage.processes.url, f"{path}/address", {"email": f"{life.bird.elsewhere}, {life.bird.typed}"})
    answer = visitor.post(stage.processes.url, f"{path}/address", {"email": life.bird.elsewhere})
    return (wrong.status, answer.status) == (422, 200)


def move(stage: Stage, life: Life) -> bool:
    """Confirm the other address."""
    path = life.path(stage, "/new-address/")
    if not life.moves or path is None:
        return not life.moves
    visitor.ask(stage.processes.url, "GET", path)
    return visitor.post(stage.processes.url, path, {}).status in DONE


def leave(stage: Stage, life: Life) -> bool:
    """End as this one ends."""
    url, path, me = stage.processes.url, life.path(stage, "/u/"), life.path(stage, "/me/")
    if path is None or me is None or life.ending in ("stays", "bounces"):
        return True
    if life.ending == "forgotten":
        return bool(stage.command("forget", life.bird.typed))
    if life.ending == "one click":
        return visitor.post(url, path, {"List-Unsubscribe": "One-Click"}).status == 200
    if life.ending == "preferences":
        return visitor.post(url, f"{me}/leave", {}).status in DONE
    answer = visitor.post(url, path, {"from": "page"})
    found = UNDO.search(answer.text)
    life.undo = found.group(1) if found else life.undo
    return answer.status == 200


def undo(stage: Stage, life: Life) -> bool:
    """Come back, by what the page after leaving held; nothing else brings one back."""
    if life.ending != "undone" or not life.undo:
        return True
    return visitor.post(stage.processes.url, "/u/undo", {"undo": life.undo}).status in DONE
