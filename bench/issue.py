"""The campaign that is sent: what a utility writes once a month, of a size that is asked for.

Ten targets, some of them linked twice; a mail of it has 38 places that differ from recipient to recipient.
"""

from itertools import cycle

OCTETS = 19_000
TARGETS = tuple(f"https://www.stadtwerke-musterstadt.example/magazin/2026-11/thema-{n:02}" for n in range(1, 11))
SUBJECT = "Günstiger durch den Winter: Ihre Preise ab Januar"
PREHEADER = "Strom und Gas werden günstiger, die Linie 4 fährt öfter, und im Advent gibt es Punsch."
LINKED_TWICE = 4
_LEAD = "# Neues aus Musterstadt\n\nin dieser Ausgabe lesen Sie, was sich im Winter ändert und was so bleibt."
_TITLES = (
    "Ihre neuen Preise", "Linie 4 im Takt", "Wasser, geprüft", "Ein Fest am Hafen", "Laden zu Hause",
    "Glasfaser am Markt", "Zähler fernab lesen", "Baden im Winter", "Strom vom Dach", "Wir stellen ein",
)  # fmt: skip
_SENTENCES = (
    "Zum neuen Jahr senken wir den Preis je Kilowattstunde, und zwar für alle, die in Musterstadt wohnen.",
    "Wer schon einmal an einem Wintermorgen auf den Bus gewartet hat, weiß, worum es uns dabei geht.",
    "Unser Labor hat in diesem Jahr mehr als tausend Proben genommen; jede lag weit unter den Grenzwerten.",
    "Die Arbeiten beginnen am Montag nach dem ersten Advent und dauern, wenn das Wetter hält, drei Wochen.",
    "Sie brauchen nichts zu tun: Die Umstellung geschieht von selbst, und die Rechnung wird einfacher.",
)
_PLAIN, _PER_CHARACTER = 11_650, 2.13
"""What a mail of this campaign weighs without filling, and per character of it (in both parts, encoded)."""


def markdown(octets: int = OCTETS) -> str:
    """Return the Markdown of a campaign whose mails have about so many octets."""
    room = max(0, int((octets - _PLAIN) / _PER_CHARACTER / len(TARGETS)))
    sentences = cycle(_SENTENCES)
    parts = [_LEAD]
    for number, (title, target) in enumerate(zip(_TITLES, TARGETS, strict=True)):
        heading = f"## [{title}]({target})" if number < LINKED_TWICE else f"## {title}"
        text = ""
        while len(text) < room:
            text += f"{next(sentences)} "
        parts += [heading, text[:room].strip() or "Kurz gesagt.", f"[Mehr zu „{title}“]({target})"]
    return "\n\n".join(parts)
