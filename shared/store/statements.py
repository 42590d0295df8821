"""SQL by name: one statement a file, with a comment that says what it is for."""

from functools import cache
from pathlib import Path


class Statements:
    """The `.sql` files of one folder: `Statements(folder)["lock_states"]`."""

    def __init__(self, folder: Path) -> None:
        self._texts = {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.sql"))}

    def __getitem__(self, name: str) -> str:
        return self._texts[name]

    def names(self) -> list[str]:
        """The names of all statements of the folder."""
        return list(self._texts)


@cache
def for_table(name: str, table: str, **identifiers: str) -> str:
    """A kit statement for one table. Identifiers come from code and from the catalogue, never from a request."""
    return SQL[name].format(table=table, **identifiers)


SQL = Statements(Path(__file__).parent / "sql")
