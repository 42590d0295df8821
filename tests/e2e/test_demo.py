"""The commands that the README names, as a newcomer types them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

AFAQ = [sys.executable, "-m", "afaq"]


def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*AFAQ, *arguments], capture_output=True, text=True, timeout=timeout, check=False)


def test_the_demonstration_carries_fahad_and_fifty_others_through(tmp_path: Path) -> None:
    began = time.monotonic()
    shown = run("demo", "--directory", str(tmp_path / "demo"), "--persons", "60")
    print(f"the demonstration took {time.monotonic() - began:.1f} s")
    assert shown.returncode == 0, shown.stdout[-3000:] + shown.stderr[-3000:]
    for event in ("request.submitted", "payment.captured", "task.decided", "document.issued", "request.fulfilled"):
        assert event in shown.stdout
    assert "sum 0" in shown.stdout


def test_up_keeps_its_data_tells_of_a_second_one_and_ends_in_order(tmp_path: Path) -> None:
    directory = tmp_path / "stack"
    with _up(directory) as first:
        ports = _until_described(directory)
        second = run("up", "--directory", str(directory))
        assert second.returncode == 1
        assert "runs already" in second.stderr and "Traceback" not in second.stderr
        _get(f"{ports['requests']}/catalogue")
        _end(first)
    with _up(directory) as again:
        assert _until_described(directory) == ports
        _end(again)


def test_up_uses_the_servers_that_are_given(tmp_path: Path, servers: object) -> None:
    from tests.conftest import Servers

    assert isinstance(servers, Servers)
    env = {"AFAQ_KAFKA_BOOTSTRAP": servers.kafka, "AFAQ_POSTGRES_DSN": servers.postgres}
    directory = tmp_path / "stack"
    with _up(directory, env) as up:
        urls = _until_described(directory)
        _get(f"{urls['notifications']}/health/ready")
        _end(up)
    assert not (directory / "kafka").exists() and not (directory / "postgres").exists()


def test_what_the_readme_types_into_a_shell_works(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    block = re.search(r"```bash\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    script = block[1].replace(".venv/bin/afaq", f"{sys.executable} -m afaq")
    with _up(tmp_path / ".afaq") as up:
        _until_described(tmp_path / ".afaq")
        shown = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            capture_output=True, text=True, timeout=90, check=False, cwd=tmp_path, env=_path(),
        )  # fmt: skip
        _end(up)
    assert shown.returncode == 0, shown.stdout[-2000:] + shown.stderr[-2000:]
    assert '"genuine":true,"valid":true' in shown.stdout
    assert "document-issued" in shown.stdout


def _up(directory: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*AFAQ, "up", "--directory", str(directory)], stdout=subprocess.DEVNULL, env={**os.environ, **(env or {})}
    )


def _until_described(directory: Path) -> dict[str, str]:
    for _ in range(600):
        if (directory / "stack.json").exists():
            urls: dict[str, str] = json.loads((directory / "stack.json").read_text())["urls"]
            return urls
        time.sleep(0.1)
    raise AssertionError("the stack was not ready within a minute")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def _get(url: str) -> None:
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.status == 200


def test_parked_and_replay_work_from_the_command_line_beside_a_running_stack(tmp_path: Path) -> None:
    directory = tmp_path / ".afaq"
    with _up(directory) as up:
        _until_described(directory)
        for arguments in (["parked", "list", "requests"], ["replay", "verify"]):
            shown = subprocess.run(
                [*AFAQ, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path, env=_path()
            )
            assert shown.returncode == 0, shown.stderr
        _end(up)


def _path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
