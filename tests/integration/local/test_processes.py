"""The supervisor: programs go on whatever happens to them, and stop when they are told to."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import pytest

import afaq
from afaq.local.errors import StackError
from afaq.local.lock import AlreadyRunning, DirectoryLock, owner_of
from afaq.local.log_lines import render
from afaq.local.processes import Program, Supervisor

SERVE = "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print('serving'); signal.pause()"
ENTRY = {
    "timestamp": "2026-11-24T09:30:00Z",
    "level": "info",
    "event": "request submitted",
    "service": "requests",
    "count": 3,
    "name": "مريم",
}

Supervise = Callable[..., Supervisor]


@pytest.fixture
async def supervise(tmp_path: Path) -> AsyncIterator[Supervise]:
    """Makes supervisors, and stops at the end what still runs."""
    made: list[Supervisor] = []

    def make(*programs: Program, echo: bool = False, say: Callable[[str], None] = print) -> Supervisor:
        made.append(Supervisor(programs, tmp_path, echo=echo, say=say))
        return made[-1]

    yield make
    for supervisor in made:
        await supervisor.stop(patience_seconds=0)


def python(
    code: str,
    *,
    name: str = "program",
    env: Mapping[str, str] | None = None,
    ready: Callable[[], Awaitable[bool]] | None = None,
) -> Program:
    async def at_once() -> bool:
        return True

    return Program(name, [sys.executable, "-c", code], env or {}, ready or at_once)


def said_by(tmp_path: Path, name: str = "program") -> str:
    log = tmp_path / "logs" / f"{name}.log"
    return log.read_text() if log.exists() else ""


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def test_starts_all_and_returns_when_all_are_ready(supervise: Supervise, tmp_path: Path) -> None:
    async def it_serves() -> bool:
        return "serving" in said_by(tmp_path, "slow")

    supervisor = supervise(python(SERVE, name="quick"), python(SERVE, name="slow", ready=it_serves))
    await supervisor.start()
    await supervisor.wait_ready(60)
    assert await it_serves()
    assert set(supervisor.pids) == {"quick", "slow"}


async def test_says_who_is_not_ready_why_and_where_to_look(supervise: Supervise) -> None:
    async def refused() -> bool:
        raise ConnectionRefusedError("nobody listens")

    supervisor = supervise(python(SERVE, name="quick"), python(SERVE, name="late", ready=refused))
    await supervisor.start()
    with pytest.raises(StackError) as error:
        await supervisor.wait_ready(0.2)
    assert str(error.value).startswith("Not ready after 0.2 seconds: late (ConnectionRefusedError: nobody listens; its")
    assert str(error.value).endswith("/logs/late.log).")


async def test_gives_programs_our_environment_and_their_own(supervise: Supervise, tmp_path: Path) -> None:
    code = "import os; print(os.environ['PATH'] == os.environ['OURS'], os.environ['AFAQ_X'])"
    await supervise(python(code, env={"AFAQ_X": "theirs", "OURS": os.environ["PATH"]})).start()
    await until(lambda: "True theirs" in said_by(tmp_path))


async def test_starts_a_dying_program_again_ever_more_slowly(supervise: Supervise, tmp_path: Path) -> None:
    said: list[str] = []
    await supervise(python("import sys; print('born'); sys.exit(3)"), say=said.append).start()
    await until(lambda: len(said) == 3)
    assert said == [f"program ended with 3; starting it again in {delay} s" for delay in ("0.2", "0.4", "0.8")]
    await until(lambda: said_by(tmp_path).count("born") == 4)


async def test_starts_a_killed_program_again(supervise: Supervise) -> None:
    said: list[str] = []
    supervisor = supervise(python(SERVE), python(SERVE, name="other"), say=said.append)
    await supervisor.start()
    before = dict(supervisor.pids)
    os.kill(before["program"], signal.SIGKILL)
    await until(lambda: supervisor.pids.get("program", before["program"]) != before["program"])
    assert said == ["program was ended by SIGKILL; starting it again in 0.2 s"]
    assert supervisor.pids["other"] == before["other"]


async def test_stop_asks_and_returns_when_all_have_ended(
    supervise: Supervise, tmp_path: Path, is_running: Callable[[int], bool]
) -> None:
    polite = SERVE.replace("sys.exit(0)", "(print('goodbye'), sys.exit(4))")
    supervisor = supervise(python(polite), python(SERVE, name="other"))
    await supervisor.start()
    await until(lambda: "serving" in said_by(tmp_path) and "serving" in said_by(tmp_path, "other"))
    pids = supervisor.pids.values()
    assert await supervisor.stop() == {"program": 4, "other": 0}
    assert said_by(tmp_path).endswith("goodbye\n")
    assert not any(map(is_running, pids))
    assert not supervisor.pids


async def test_stop_kills_who_does_not_listen_and_all_its_children(
    supervise: Supervise, tmp_path: Path, is_running: Callable[[int], bool]
) -> None:
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); "
    code = deaf + "import subprocess; print(subprocess.Popen(['sleep', '600']).pid); signal.pause()"
    supervisor = supervise(python(code))
    await supervisor.start()
    await until(lambda: said_by(tmp_path).endswith("\n"))
    assert await supervisor.stop(patience_seconds=0.1) == {"program": -signal.SIGKILL}
    await until(lambda: not is_running(int(said_by(tmp_path))))


async def test_what_a_dead_program_leaves_behind_ends_with_it(
    supervise: Supervise, tmp_path: Path, is_running: Callable[[int], bool]
) -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid)"
    await supervise(python(code)).start()
    await until(lambda: "ended with 0" in said_by(tmp_path))
    child = int(said_by(tmp_path).split()[0])
    await until(lambda: not is_running(child))


async def test_a_program_that_cannot_run_stops_the_others(supervise: Supervise) -> None:
    async def ready() -> bool:
        return True

    supervisor = supervise(python(SERVE), Program("absent", ["/nowhere/at/all"], {}, ready))
    with pytest.raises(FileNotFoundError, match="/nowhere/at/all"):
        await supervisor.start()
    assert not supervisor.pids


async def test_the_terminals_interrupt_does_not_reach_programs(supervise: Supervise) -> None:
    supervisor = supervise(python(SERVE))
    await supervisor.start()
    assert os.getsid(supervisor.pids["program"]) == supervisor.pids["program"] != os.getsid(0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a parent-death signal")
async def test_programs_end_with_a_killed_supervisor(tmp_path: Path, is_running: Callable[[int], bool]) -> None:
    code = f"""
import asyncio, sys
from pathlib import Path
from afaq.local.processes import Program, Supervisor
async def own():
    supervisor = Supervisor([Program("deaf", ["sleep", "600"], {{}}, None)], Path({str(tmp_path)!r}), echo=False)
    await supervisor.start()
    print(supervisor.pids["deaf"], flush=True)
    await asyncio.Event().wait()
asyncio.run(own())
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=Path(afaq.__file__).parents[1], stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        assert is_running(pid)
        owner.kill()
    await until(lambda: not is_running(pid))


async def test_shows_each_line_behind_its_program_and_keeps_it_as_it_was(
    supervise: Supervise, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = json.dumps(ENTRY, ensure_ascii=False)
    code = f"import sys; print('plain'); print({line!r}); print('error', file=sys.stderr)"
    supervisor = supervise(python(code), python("", name="longer-name"), echo=True)
    await supervisor.start()
    await until(lambda: "error" in said_by(tmp_path))
    await supervisor.stop()
    shown = capsys.readouterr().out.splitlines()
    assert "program     | plain" in shown
    assert any(
        text.startswith("program     | ") and text.endswith("request submitted count=3 name=مريم") for text in shown
    )
    assert said_by(tmp_path).splitlines()[:3] == ["plain", line, "error"]


async def test_a_line_without_end_is_cut_and_stops_nothing(supervise: Supervise, tmp_path: Path) -> None:
    await supervise(python("print('x' * 3_000_000); print('and on')")).start()
    await until(lambda: "and on\n" in said_by(tmp_path))
    assert said_by(tmp_path).count("x") == 3_000_000


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, "info    request submitted count=3 name=مريم"),
        ({"level": "warning"}, "warning request submitted count=3 name=مريم"),
        ({"reason": "two words"}, 'name=مريم reason="two words"'),
        ({"reason": {"code": 1}}, 'name=مريم reason={"code": 1}'),
        ({"reason": None}, "name=مريم reason=null"),
        ({"reason": "\x1b[2J"}, 'name=مريم reason="\\u001b[2J"'),
        ({"event": "\x1b[2J"}, "info    \\x1b[2J count=3 name=مريم"),
        ({"frames": ["a.py:1 in b", "c.py:2 in d"]}, "name=مريم\n    a.py:1 in b\n    c.py:2 in d"),
    ],
)
def test_renders_an_entry_compactly(changes: Mapping[str, object], end: str) -> None:
    text = render(json.dumps({**ENTRY, **changes}), colour=False)
    assert text.endswith(end)
    assert text[2] == text[5] == ":"


@pytest.mark.parametrize("line", ["", "plain", "{not json", '{"event": "without a time"}', "[1, 2]", "{}"])
def test_leaves_other_lines_as_they_are(line: str) -> None:
    assert render(line, colour=True) == line


def test_colours_what_is_serious() -> None:
    assert render(json.dumps(ENTRY | {"level": "error"}), colour=True).startswith("\x1b[31m")


def test_a_directory_has_one_owner_who_describes_what_runs(tmp_path: Path) -> None:
    assert owner_of(tmp_path) is None
    first = DirectoryLock(tmp_path)
    first.acquire()
    first.describe({"urls": {"requests": "http://127.0.0.1:8001"}})
    with pytest.raises(AlreadyRunning) as refusal:
        DirectoryLock(tmp_path).acquire()
    assert (refusal.value.pid, refusal.value.description["urls"]) == (
        os.getpid(),
        {"requests": "http://127.0.0.1:8001"},
    )
    owner = owner_of(tmp_path)
    assert owner
    assert owner.pid == os.getpid()
    first.release()
    assert owner_of(tmp_path) is None
    second = DirectoryLock(tmp_path)
    second.acquire()
    second.release()


def test_a_killed_owner_leaves_the_directory_free(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, signal; from afaq.local.lock import DirectoryLock; "
        "lock = DirectoryLock(pathlib.Path(sys.argv[1])); lock.acquire(); lock.describe({'old': 1}); "
        "print('owned', flush=True); signal.pause()"
    )
    command: Sequence[str] = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, cwd=Path(afaq.__file__).parents[1], stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        owner.stdout.readline()
        found = owner_of(tmp_path)
        assert found
        assert found.pid == owner.pid
        owner.kill()
    assert owner_of(tmp_path) is None
    lock = DirectoryLock(tmp_path)
    lock.acquire()
    assert not (tmp_path / "stack.json").exists()
    lock.release()
