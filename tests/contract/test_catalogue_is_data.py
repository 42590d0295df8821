"""No service of the catalogue is named in the product's code: what one needs, the language of definitions has."""

import re
from pathlib import Path

import pytest

from services.requests.seed import read_definitions

ROOT = Path(__file__).parents[2]
CODE = sorted(file for folder in ("services", "shared") for file in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("service_id", sorted(definition.id for definition in read_definitions()))
def test_no_code_knows_of_a_service(service_id: str) -> None:
    named = re.compile(rf"\b{re.escape(service_id)}\b")
    assert [str(file.relative_to(ROOT)) for file in CODE if named.search(file.read_text(encoding="utf-8"))] == []
