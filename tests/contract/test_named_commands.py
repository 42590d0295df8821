"""Commands of `afaq` that documents name exist, with these options and arguments."""

import re
import shlex
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import assert_is_a_command, assert_names_a_command

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "deploy/README.md", *sorted((ROOT / "docs/operations").rglob("*.md"))]
BLOCK = re.compile(r"^ *```\w+\n(.*?)^ *```$|((?:^    [^\n]+\n)+)", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"(?:^\s*|\$ |-- |bin/|exec \S+ |docker run [^|]*?)afaq ([^|>#;&)]+)", re.MULTILINE)
OF_COMPOSE = re.compile(r"compose [^|]*run (?:--\S+ )*(?:operator|migrate) ([^|>#;&)]+)")
STANDS_FOR = {
    "<service>": "payments",
    "$SERVICE": "payments",
    "$JOB": str(uuid.UUID(int=1)),
    "…": str(uuid.UUID(int=1)),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_exist(page: Path) -> None:
    text = page.read_text()
    for words in in_blocks(text):
        assert_is_a_command(words)
    for words in in_sentences(text):
        assert_names_a_command(words)


def test_commands_are_found_wherever_they_are_named() -> None:
    text = "Say `afaq doctor`, or\n```bash\nkubectl exec one -- afaq topics\n"
    text += "$ afaq replay \\\n  verify <service> | cat\n```\n"
    text += "    docker run --rm -u 1 afaq secrets new here  # once\n"
    assert list(in_sentences(text)) == [["doctor"]]
    assert list(in_blocks(text)) == [["topics"], ["replay", "verify", "payments"], ["secrets", "new", "here"]]


@pytest.mark.parametrize(
    "words",
    [
        "docter",
        "replay redrives",
        "replay redrive payments",
        "replay verify --yes",
        "replay recover --since",
        "events all",
    ],
)
def test_a_command_that_does_not_exist_is_found(words: str) -> None:
    with pytest.raises(AssertionError):
        assert_names_a_command(words.split())


@pytest.mark.parametrize(
    "words", ["replay", "replay redrive", "replay recover payments --from", "audit --acknowledged"]
)
def test_a_sentence_may_leave_out_what_a_command_needs(words: str) -> None:
    assert_names_a_command(words.split())
    with pytest.raises(AssertionError):
        assert_is_a_command(words.split())


def in_blocks(text: str) -> Iterator[list[str]]:
    """The words of commands that are to be given as they are."""
    for fenced, indented in BLOCK.findall(text):
        yield from _commands(fenced or indented)


def in_sentences(text: str) -> Iterator[list[str]]:
    for code in re.findall(r"`([^`\n]+)`", BLOCK.sub("", text)):
        yield from _commands(code)


def _commands(text: str) -> Iterator[list[str]]:
    for placeholder, word in STANDS_FOR.items():
        text = text.replace(placeholder, word)
    for line in text.replace("\\\n", " ").splitlines():
        yield from map(shlex.split, (*COMMAND.findall(line), *OF_COMPOSE.findall(line)))
