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


@cache
def recording(saves: tuple[str, ...], upserts: tuple[str, ...]) -> str:
    """`record` with these statements in it; the `$1` of each is its parameter from the seventh on, in their order."""
    names = [f"saved_{number}" for number in range(len(saves))] + [f"kept_{number}" for number in range(len(upserts))]
    writes = "".join(
        f", {name} as (\n{text.replace('$1', f'${place}')})"
        for place, (name, text) in enumerate(zip(names, saves + upserts, strict=True), start=7)
    )
    saved = " + ".join(["0", *(f"(select count(*) from {name})" for name in names[: len(saves)])])  # noqa: S608 ours
    return SQL["record"].format(writes=writes, saved=saved)


SQL = Statements(Path(__file__).parent / "sql")
