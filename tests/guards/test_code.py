"""Rules about the code that no tool checks: sizes, places, what may not be in the repository."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "newsletter"
FILE_LINES, FUNCTION_LINES = 250, 40
# Homes and work directories of whoever wrote it. Spelled so that this line is not one.
MACHINE = re.compile(r"(?<![\w.:/}-])/(?:root|home|work|Users|tmp)/[\w.]")
NAMELESS = {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py", "manager.py"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    """Return the files of the package; migrations are written once and then left as they are."""
    found = [path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts]
    assert len(found) > 50
    return found


def functions() -> Iterator[tuple[str, Function]]:
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def tracked() -> list[Path]:
    """Return the files of the repository, those not yet committed too."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listing.splitlines() if (ROOT / name).is_file()]


def test_no_file_is_longer_than_one_can_keep_in_mind() -> None:
    long = {str(path): lines for path in modules() if (lines := len(path.read_text().splitlines())) > FILE_LINES}

    assert long == {}


def test_no_function_is_longer_than_half_a_screen() -> None:
    long = [name for name, node in functions() if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES]

    assert long == []


def test_imports_stand_at_the_top() -> None:
    hidden = [
        name for name, node in functions() for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)
    ]

    assert hidden == []


def test_packages_say_what_they_are_for_and_nothing_else() -> None:
    for path in (path for path in modules() if path.name == "__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))

        assert ast.get_docstring(tree), path
        assert len(tree.body) == 1, path


def test_every_public_function_says_what_it_does() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in modules()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]

    assert silent == []


def test_every_file_has_a_name_that_says_something() -> None:
    assert [path for path in modules() if path.name in NAMELESS] == []


def test_nothing_names_a_machine_or_where_packages_came_from() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {line.strip()}" for line in text.splitlines() if MACHINE.search(line)]

    locks = [path for path in tracked() if path.name.startswith("requirements")]
    assert found == []
    assert len(locks) == 3
    assert not any("://" in path.read_text() or "--index" in path.read_text() for path in locks)


def test_no_build_of_someone_else_is_kept_here() -> None:
    large = [path for path in tracked() if path.suffix in {".js", ".css", ".woff2"} and path.stat().st_size > 30_000]
    minified = [path for path in tracked() if ".min." in path.name]

    assert large + minified == []
