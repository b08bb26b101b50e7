"""`make bench`: every section in one run, one table."""

from bench import delays, growth, importing, insistence, pages, sameness, sending, web
from bench.command import run

if __name__ == "__main__":
    sections = {
        "sending": sending.measure,
        "delays": delays.measure,
        "growth": growth.measure,
        "web": web.measure,
        "import": importing.measure,
        "pages": pages.measure,
        "sameness": sameness.measure,
        "insistence": insistence.measure,
    }
    run(sections)
