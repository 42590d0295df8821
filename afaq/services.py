"""The services by name, composed only when they are to run: one process carries one service."""

from importlib import import_module
from pathlib import Path

from shared.functions import Service
from shared.runtime.process import Composition

_FOLDER = Path(__file__).parent.parent / "services"
NAMES = tuple(sorted(file.parent.name for file in _FOLDER.glob("*/app.py")))
"""Every folder under `services/` with a composition root is a service."""


def compose(name: str) -> Composition:
    """The service with its concrete parts, from its environment variables."""
    composed: Composition = import_module(f"services.{name}.app").compose()
    return composed


def functions_of(name: str) -> Service:
    """The service's functions alone: for replays and checks, which have no use for its concrete parts."""
    service: Service = import_module(f"services.{name}.app").service
    return service


def migrations_of(name: str) -> Path:
    """The folder of the service's own migrations."""
    return _FOLDER / name / "migrations"
