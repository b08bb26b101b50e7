"""Programs out of Debian's packages."""

from pathlib import Path

import pytest

from bench import debian


def test_a_program_that_is_there_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "smtp-sink"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert debian.program("smtp-sink").path == program


def test_one_line_says_what_to_do_where_nothing_can_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "HOME", tmp_path / "debian")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "PACKAGES", {"no-such-program": ("postfix",)})

    with pytest.raises(debian.Missing) as caught:
        debian.program("no-such-program")

    assert str(caught.value) == "apt-get is not here: put smtp-sink and smtp-source (from Postfix) and wrk into PATH."
