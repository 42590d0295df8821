"""The page on adding a service: its blocks run as they stand, and the process is killed in the middle."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-a-service.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"^(?:#|--) ([\w/.-]+\.(?:py|sql|yaml))\n")
LEFT_OUT = {".venv", ".git", ".afaq", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "__pycache__"}
STORY = '''
"""Plays a birth and the tree that follows, with the stack of this copy; prints what came of it."""
import asyncio, json, sys
from pathlib import Path
import aiohttp
from afaq.demo.client import Api
from afaq.local.stack import Stack
from tests.resilience.births import a_number, a_parent, tell_of_a_birth

async def main():
    folder, nursery = Path(sys.argv[1]), sys.argv[2]
    armed = folder / "crash"
    extra = {"saplings": {"AFAQ_SAPLINGS_NURSERY_URL": nursery, "AFAQ_CRASH_FILE": str(armed)}}
    stack = Stack(folder, say=print, echo=False, extra=extra)
    endpoints = await stack.start()
    try:
        async with aiohttp.ClientSession() as session:
            await play(Api(endpoints.urls, session), endpoints, armed)
    finally:
        await stack.stop()

async def play(api, endpoints, armed):
    import asyncpg
    mother = await a_parent(api)
    armed.write_text("after_effect_before_record")
    number = a_number()
    told = await tell_of_a_birth(api, mother.civil_id, number)
    async with asyncio.timeout(60):
        while armed.exists():  # the process dies between the nursery's answer and its record
            await asyncio.sleep(0.05)
    owner = await asyncpg.connect(endpoints.dsns["saplings"].owner)
    await owner.execute("update jobs set leased_until = now() where leased_until is not null")
    await owner.close()
    await tell_of_a_birth(api, mother.civil_id, a_number(), source="moh-registry")

    async def planted():
        try:
            found = await api.get("saplings", "/saplings", mother.token)
        except Exception:
            return None
        return found if [tree["status"] for tree in found] == ["planted"] else None

    (tree,) = await api.until(planted, "tree")
    dedicated = await api.post("saplings", f"/saplings/{tree['id']}/dedication", {"words": "For Noor"}, mother.token)
    print("RESULT " + json.dumps({"tree": tree, "dedicated": dedicated, "child": told["person_id"]}))

asyncio.run(main())
'''


def blocks() -> list[tuple[str, str]]:
    """The page's blocks, each with its language."""
    return [(found[1], found[2]) for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]


def follow_the_page(copy: Path) -> list[Path]:
    """Does what the page says, in a copy of the repository; the files that it has written."""
    written = []
    for language, text in blocks():
        if language == "diff":
            subprocess.run(["git", "apply", "-"], input=text, text=True, cwd=copy, check=True)
            continue
        named = PLACE.match(text)
        assert named is not None, f"a block does not say where it belongs: {text[:60]}"
        file = copy / named[1]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text[named.end() :], encoding="utf-8")
        written.append(file)
    return written


def a_copy(folder: Path) -> Path:
    """The repository as it stands, without what was made in it."""
    copy = folder / "copy"
    shutil.copytree(ROOT, copy, ignore=lambda _, names: LEFT_OUT.intersection(names))
    return copy


@asynccontextmanager
async def a_nursery() -> AsyncIterator[tuple[str, Counter[str]]]:
    """Somebody outside who plants one tree a key: its address, and how often each key has come."""
    asked: Counter[str] = Counter()

    async def plant(request: web.Request) -> web.Response:
        key = request.headers["Idempotency-Key"]
        asked[key] += 1
        return web.json_response({"place": f"row {len(asked)}"}, status=201)

    app = web.Application()
    app.router.add_post("/trees", plant)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    yield f"http://127.0.0.1:{port}", asked
    await runner.cleanup()


async def run_in(copy: Path, *arguments: str, seconds: float = 150) -> str:
    """What a command prints that runs in the copy."""
    env = {**os.environ, "PYTHONPATH": str(copy)}
    shown = await asyncio.to_thread(
        subprocess.run, [sys.executable, *arguments],
        capture_output=True, text=True, timeout=seconds, check=False, env=env, cwd=copy,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stdout[-4000:] + shown.stderr[-4000:]
    return shown.stdout


async def test_the_service_of_the_page_works_and_survives_its_process_being_killed(tmp_path: Path) -> None:
    copy = a_copy(tmp_path)
    follow_the_page(copy)
    (copy / "story.py").write_text(STORY, encoding="utf-8")
    async with a_nursery() as (url, asked):
        shown = await run_in(copy, "story.py", str(tmp_path / "stack"), url)
    result: Any = json.loads(next(line for line in shown.splitlines() if line.startswith("RESULT "))[7:])
    assert result["tree"]["child_id"] == result["child"] and result["tree"]["place"] == "row 1"
    assert result["dedicated"]["words"] == "For Noor"
    assert list(asked.values()) == [2]  # one tree: the repeat after the crash came with the same key


async def test_what_the_page_writes_passes_the_checks_of_the_house(tmp_path: Path) -> None:
    copy = a_copy(tmp_path)
    written = [str(file) for file in follow_the_page(copy) if file.suffix == ".py"]
    services = [file for file in written if "/tests/" not in file]
    await run_in(copy, "-m", "ruff", "check", "--config", "pyproject.toml", *written)
    await run_in(copy, "-m", "mypy", *services)
    await run_in(copy, "-m", "pytest", "-q", "tests/unit/saplings")


def test_the_page_uses_nothing_but_the_four_kinds_an_api_and_settings() -> None:
    for language, text in blocks():
        if language == "python" and "/tests/" not in text.splitlines()[0]:
            assert not re.search(
                r"^(?:from|import) (?:asyncpg|faststream|aiokafka|shared\.messaging)", text, re.MULTILINE
            )
