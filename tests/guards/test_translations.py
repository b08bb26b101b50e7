"""Every text is there in German: found, translated, with the same slots, and compiled as it stands."""

import ast
import gettext
import io
import re
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent.parent
GERMAN = ROOT / "newsletter" / "translations" / "de" / "LC_MESSAGES"
REFRESH = "run make translations, and translate what is new"
_SLOT = re.compile(r"%\((\w+)\)s")
_JINJA = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)
# Names of classes, and what is the same in every language.
_NOT_TEXT = re.compile(
    r"{% block \w+_class %}.*?{% endblock %}|<(style|code)\b.*?</\1>|<a [^>]*\blang=.*?</a>|/api/v1/\S+(?=</a>)",
    re.DOTALL,
)
_SPOKEN_ATTRIBUTE = re.compile(r'\b(?:alt|aria-label|placeholder|title)="([^"]*)"')


Text = tuple[str | None, str]
"""A context, where there is one, and the text."""


def forms(text: str | tuple[str, ...] | list[str]) -> list[str]:
    """Return a message's forms: one, or one for each number."""
    return [text] if isinstance(text, str) else list(text)


def texts(catalog: Catalog) -> set[Text]:
    return {(message.context, form) for message in catalog if message.id for form in forms(message.id)}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[Text]:
    """Every text in code and templates, as `make translations` finds them."""
    pot = tmp_path_factory.mktemp("texts") / "messages.pot"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        CommandLineInterface().run(
            [
                "pybabel",
                "-q",
                "extract",
                "--mapping-file",
                "pyproject.toml",
                "--ignore-dirs",
                ".* var",
                "-o",
                str(pot),
                ".",
            ]
        )
    with pot.open("rb") as file:
        return texts(read_po(file))


@pytest.fixture(scope="module")
def german() -> Catalog:
    """The catalogue as people write it."""
    with (GERMAN / "messages.po").open("rb") as file:
        return read_po(file, locale="de", abort_invalid=True)


def test_every_text_of_code_and_templates_is_in_the_catalogue_and_no_other(found: set[Text], german: Catalog) -> None:
    known = texts(german)

    assert len(found) > 400
    assert found - known == set(), REFRESH
    assert known - found == set(), REFRESH
    assert not german.obsolete, REFRESH


def test_every_text_is_translated_and_no_translation_is_a_guess(german: Catalog) -> None:
    messages = [message for message in german if message.id]

    assert [message.id for message in messages if not all(forms(message.string))] == []
    assert [message.id for message in messages if message.fuzzy] == []


def test_a_translation_fills_the_same_slots(german: Catalog) -> None:
    for message in german:
        for text in forms(message.string) if message.id else []:
            for source in forms(message.id):
                assert sorted(set(_SLOT.findall(text))) == sorted(set(_SLOT.findall(source))), message.id
            assert "%" not in _SLOT.sub("", text), message.id


def test_german_is_set_with_german_quotation_marks_and_polite(german: Catalog) -> None:
    for message in german:
        for text in forms(message.string) if message.id else []:
            assert not re.search('["“”]', re.sub("„[^“]*“", "", text)), text
            assert "..." not in text, text
            assert not re.search(r"\b([Dd]u|[Dd]ich|[Dd]ir|[Dd]eine?[mnrs]?)\b", text), text


def test_the_compiled_catalogue_is_the_written_one(german: Catalog) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, german)
    compiled.seek(0)

    with (GERMAN / "messages.mo").open("rb") as file:
        shipped = compiled_texts(gettext.GNUTranslations(file))

    assert shipped == compiled_texts(gettext.GNUTranslations(compiled)), REFRESH


def compiled_texts(translations: gettext.GNUTranslations) -> dict[object, str]:
    """Return the texts without the header, which names the version of the tool."""
    listed = dict(translations._catalog)  # type: ignore[attr-defined]  # there is no public way to list them
    assert listed.pop("")
    return listed


def test_no_text_is_marked_where_it_is_not_found(found: set[Text]) -> None:
    """For instance inside an f-string, where it would stay English."""
    for path in sorted((ROOT / "newsletter").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
                text = node.args[0]
                assert isinstance(text, ast.Constant), f"{path}:{node.lineno} is not a text as it stands"
                assert (None, text.value) in found, f"{path}:{node.lineno} is not found"


def test_no_template_holds_a_text_that_is_not_marked() -> None:
    templates = [path for path in (ROOT / "templates").rglob("*") if path.suffix in (".html", ".txt")]

    assert len(templates) > 40
    for path in templates:
        rest = _JINJA.sub(" ", _NOT_TEXT.sub(" ", path.read_text(encoding="utf-8")))
        spoken = " ".join(_SPOKEN_ATTRIBUTE.findall(rest))
        words = re.findall(r"[^\W\d_]{2,}", re.sub(r"<[^>]*>|&\w+;", " ", rest) + " " + spoken)
        assert words == [], path
