"""People who do not exist, with addresses in domains that nobody can own (RFC 2606, RFC 6761)."""

import random
from collections.abc import Iterator

from newsletter.recipients.person import Person

WOMEN = (
    "Anna", "Ayşe", "Birgit", "Carla", "Dilara", "Elif", "Emma", "Frieda", "Greta", "Hanna", "Ines", "Jule", "Katrin",
    "Lea", "Magdalena", "Mia", "Nadja", "Olga", "Petra", "Renate", "Sofia", "Theresa", "Ute", "Wiebke", "Zoë",
)  # fmt: skip
MEN = (
    "Ahmet", "Bernd", "Christoph", "David", "Emre", "Finn", "Georg", "Hakan", "Igor", "Jörg", "Karl", "Lukas", "Malik",
    "Nils", "Oskar", "Paul", "Rainer", "Sven", "Tariq", "Uwe", "Viktor", "Werner", "Yannick", "Björn", "Günter",
)  # fmt: skip
SURNAMES = (
    "Ahrens", "Bäcker", "Celik", "Dombrowski", "Eichhorn", "Fuchs", "Grünwald", "Hartmann", "Ivanov", "Jäger",
    "Kowalski", "Lindemann", "Müller", "Nowak", "Öztürk", "Petersen", "Quandt", "Richter", "Schröder", "Tischler",
    "Uhlig", "Vogel", "Weiß", "Yilmaz", "Zimmermann",
)  # fmt: skip
DOMAINS = ("example.org", "example.com", "example.net", "post.example", "mailbox.example")
TITLES = ("Dr.", "Prof. Dr.")
SPELLING = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ş": "s", "ç": "c", "ë": "e", "Ö": "Oe", "Ü": "Ue"}
)


def invent(number: int, rng: random.Random) -> Iterator[tuple[str, Person]]:
    """Yield `number` different addresses and what these people told of themselves: some a lot, some nothing."""
    for count in range(number):
        woman = rng.random() < 0.5
        first, last = rng.choice(WOMEN if woman else MEN), rng.choice(SURNAMES)
        local = f"{first}.{last}".translate(SPELLING).lower()
        email = f"{local}.{count}@{rng.choice(DOMAINS)}"
        told = rng.random()
        if told < 0.62:
            title = rng.choice(TITLES) if rng.random() < 0.06 else ""
            yield email, Person("ms" if woman else "mr", title, first, last)
        elif told < 0.78:
            yield email, Person(first_name=first, last_name=last)
        else:
            yield email, Person()
