"""The catalogue's seed: the YAML files beside this module, checked and published when the service starts."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import yaml

from services.requests.domain.definition import ServiceDefinition
from services.requests.domain.publication import SeedVersion, publication, publication_id
from services.requests.domain.rulebook import CATALOGUE
from services.requests.linter import lint
from services.requests.queries import seeded_before_events
from shared.store.shell import Shell

VOCABULARY = ("facts", "agencies", "calendar")
"""Files of the catalogue that are no services: what definitions are written in, and when agencies work."""


def read_definitions(folder: Path = CATALOGUE) -> list[ServiceDefinition]:
    """The definitions of a folder. Raises ValueError that says what is wrong where."""
    files = [file for file in sorted(folder.glob("*.yaml")) if file.stem not in VOCABULARY]
    return [_definition(file, {file.stem for file in files}) for file in files]


def _definition(file: Path, services: Collection[str]) -> ServiceDefinition:
    raw = read(file)
    if findings := lint(raw, services):
        said = (f"{file.name}{found.pointer}: {found.code}: {found.text.en}" for found in findings)
        raise ValueError("\n".join(said))
    return ServiceDefinition.model_validate(raw)


def read(file: Path) -> Any:
    """A definition as it is written."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


async def publish_seed(shell: Shell, seed: Iterable[ServiceDefinition]) -> None:
    """Publishes the seed, and versions of before there were events; those that are there already stay as they are.

    Raises Refused where a version was published with another text: a change has to be a new version.
    """
    definitions = {found.key: found for found in await seeded_before_events(shell.parts.pool)}
    definitions |= {found.key: found for found in seed}
    now = shell.parts.clock.now()
    sends = [publication.send(publication_id(key), SeedVersion(found, now)) for key, found in definitions.items()]
    await shell.handle(*sends)
