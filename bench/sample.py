"""One mail of the campaign, as a relay gets it: how long it is, and what the rivals' message is made of."""

from pathlib import Path

from bench import people, product, rivals
from bench.installation import Installation
from bench.people import Crowd
from bench.relays import late_sink


class Sample:
    """The mail. `folder` holds it as templates; `payload` makes smtp-source send messages of `octets` octets."""

    def __init__(self, installation: Installation) -> None:
        newsletter = people.newsletter("sample")
        people.fill(newsletter, iter([people.SAMPLE]))
        self.folder = Path(installation.home) / "templates"
        self.folder.mkdir()
        kept = self.folder / "mail.eml"
        with late_sink(keep=kept) as relay:
            product.send(installation, relay, Crowd(newsletter.id, newsletter.slug, 1), 1)
        self.octets = kept.stat().st_size
        self.places = rivals.write_templates(kept.read_bytes(), self.folder)
        self.payload = rivals.payload_for(self.octets)
