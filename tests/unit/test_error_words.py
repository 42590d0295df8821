"""Every code that a person may be answered with has words in both languages, and there are no words for nothing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.web.problems import KIT_ERRORS, Words, read_words

PROJECT = Path(__file__).parents[2]
KIT = PROJECT / "shared"
SERVICES = sorted(path for path in (PROJECT / "services").iterdir() if (path / "app.py").exists())
RAISED_WITH = {"Refused", "Problem"}
STATUSES = {400, 401, 403, 404, 405, 409, 413, 422, 500, 503}
each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)


def words_of(service: Path) -> dict[str, Words]:
    """The words of a service's own codes; a service that refuses nothing of its own has no file."""
    file = service / "errors.yaml"
    return read_words(file) if file.exists() else {}


def trees(folder: Path) -> Iterator[ast.AST]:
    """The source of a folder."""
    for file in folder.rglob("*.py"):
        yield ast.parse(file.read_text(encoding="utf-8"), str(file))


def raised_in(folder: Path) -> set[str]:
    """The codes of `Refused("…")` and `Problem("…")`."""
    calls = [node for tree in trees(folder) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in RAISED_WITH and call.args]
    return {str(code.value) for call in named if isinstance(code := call.args[0], ast.Constant)}


def unreadable_in(folder: Path) -> list[int]:
    """The lines where a code is computed, so that nobody can tell which words it needs."""
    calls = [node for tree in trees(folder) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in RAISED_WITH]
    return [call.lineno for call in named if not (call.args and isinstance(call.args[0], ast.Constant))]


def answered_by_the_kit() -> set[str]:
    """What the kit answers by itself, and what it raises: every text of `shared` that may be a code of its own."""
    texts = {node.value for tree in trees(KIT) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str)}


@each_service
def test_every_code_that_a_service_raises_has_words(service: Path) -> None:
    assert raised_in(service) <= words_of(service).keys() | read_words(KIT_ERRORS).keys()


@each_service
def test_every_code_with_words_is_raised_in_its_service(service: Path) -> None:
    assert words_of(service).keys() <= raised_in(service)


@each_service
def test_a_service_does_not_say_the_kits_codes_in_its_own_words(service: Path) -> None:
    assert not words_of(service).keys() & read_words(KIT_ERRORS).keys()


def test_every_code_that_the_kit_raises_has_words() -> None:
    assert raised_in(KIT) <= read_words(KIT_ERRORS).keys()


def test_every_code_with_words_is_answered_by_the_kit() -> None:
    assert read_words(KIT_ERRORS).keys() <= answered_by_the_kit()


@pytest.mark.parametrize("folder", [KIT, *SERVICES], ids=lambda path: path.name)
def test_no_code_is_computed(folder: Path) -> None:
    assert unreadable_in(folder) == []


@pytest.mark.parametrize(
    "file", [KIT_ERRORS, *(s / "errors.yaml" for s in SERVICES if words_of(s))], ids=lambda file: file.parent.name
)
def test_words_are_in_arabic_and_in_english_and_say_what_to_do(file: Path) -> None:
    for code, words in read_words(file).items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
        assert words.status in STATUSES, code
        for text in (words.title, words.detail):
            assert re.search(r"[\u0621-\u064A]", text.ar), code
            assert not re.search(r"[\u0600-\u06FF]", text.en), code
        assert words.detail.en.endswith("."), code
        assert words.detail.ar.endswith("."), code
        assert words.detail.en != words.title.en, code


def test_nobody_is_told_of_a_code_twice() -> None:
    codes = [code for service in SERVICES for code in words_of(service)]
    assert len(set(codes)) == len(codes)
