"""The secrets of a deployment as folders of files: one for each process that is started, with what it must know.

A file AFAQ_… is the variable of its name (`read_secret_files`); the others are what servers and TLS want as files.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from afaq.kafka_access import OPERATOR, password_variable
from afaq.local.errors import StackError
from afaq.secrets.authority import Credential, authority_of, issue, new_authority
from afaq.secrets.made import new_secrets, password, simulated_variables_of, variables_of
from afaq.services import NAMES

BROKERS = ("kafka-1", "kafka-2", "kafka-3")
ADMIN, AUTHORITY_KEY = "kafka-admin", "ca.key"
CA_FILE = "/run/secrets/ca.pem"
SIGN_IN, SIMULATORS = "http://sign-in.localhost:8091", "http://simulators.localhost:8090"
Files = dict[str, str]


def write_new_secrets(directory: Path, *, simulated: bool) -> None:
    """Makes everything anew and writes it. Raises StackError where there is something already.

    What those outside give (the bank, the national sign-in, companies) is made only if they are to be `simulated`.
    The directory is closed to everybody else; what lies in it is readable, because the users of containers, which are
    given single folders of it, have other numbers than who made them.
    """
    if directory.exists() and any(directory.iterdir()):
        raise StackError(f"{directory} is not empty, and secrets are never overwritten: name a new directory.")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    authority = new_authority()
    _write(directory / "ca.pem", authority.certificate)
    _write(directory / AUTHORITY_KEY, authority.key, mode=0o600)
    _write_folders(directory, _told(new_secrets({}), simulated=simulated))
    _write_folders(directory, _proofs(authority))


def renew_certificates(directory: Path) -> None:
    """Gives every server and the administrator a new certificate. Raises StackError where the authority is away."""
    try:
        key, certificate = [(directory / name).read_text(encoding="ascii") for name in (AUTHORITY_KEY, "ca.pem")]
    except OSError as error:
        raise StackError(
            f"{error}: certificates are given with the {AUTHORITY_KEY} that was made with ca.pem."
        ) from None
    _write_folders(directory, _proofs(authority_of(key, certificate)))


def _write_folders(directory: Path, folders: Iterable[tuple[str, Files]]) -> None:
    for folder, files in folders:
        (directory / folder).mkdir(exist_ok=True)
        (directory / folder).chmod(0o755)
        for name, text in files.items():
            _write(directory / folder / name, text)


def _write(file: Path, text: str, mode: int = 0o644) -> None:
    file.touch(mode=0o600)
    file.chmod(mode)
    file.write_text(text, encoding="utf-8")


def _told(secrets: Mapping[str, str], *, simulated: bool) -> Iterator[tuple[str, Files]]:
    """Who is told what. A service's api and worker share a folder; its worker alone has the one for Kafka."""
    logins = {user: password() for user in (*NAMES, OPERATOR)}
    for name in NAMES:
        outside = simulated_variables_of(name, secrets, sign_in=SIGN_IN, simulators=SIMULATORS) if simulated else {}
        yield name, _store(name, secrets) | variables_of(name, secrets) | outside
        yield f"{name}-kafka", _login(name, logins)
        yield f"{name}-db", _roles(name, secrets)
    yield ADMIN, {password_variable(user): login for user, login in logins.items()}
    yield "migrate", _all(_store(name, secrets) | _owned(name, secrets) for name in NAMES)
    keys = _all({f"AFAQ_{name.upper()}_MASTER_KEY": secrets[f"{name}.master_key"]} for name in NAMES)
    yield OPERATOR, _login(OPERATOR, logins) | _all(_store(name, secrets) for name in NAMES) | keys
    if simulated:
        yield "simulators", variables_of("simulators", secrets)


def _proofs(authority: Credential) -> Iterator[tuple[str, Files]]:
    """Who proves by a certificate who they are."""
    for host in (f"{name}-db" for name in NAMES):
        proof = issue(authority, host, [host])
        yield host, {"server.crt": proof.certificate, "server.key": proof.key}
    for host in BROKERS:
        yield host, {"broker.pem": _chain(issue(authority, host, [host]))}
    yield ADMIN, {"admin.pem": _chain(issue(authority, ADMIN))}


def _store(name: str, secrets: Mapping[str, str]) -> Files:
    return {f"AFAQ_{name.upper()}_POSTGRES_DSN": _dsn(name, "app", secrets)}


def _owned(name: str, secrets: Mapping[str, str]) -> Files:
    return {f"AFAQ_{name.upper()}_OWNER_DSN": _dsn(name, "owner", secrets)}


def _dsn(name: str, role: str, secrets: Mapping[str, str]) -> str:
    login = f"afaq_{name}_{role}:{secrets[f'{name}.{role}_password']}"
    tls = f"sslmode=verify-full&sslrootcert={CA_FILE}"
    return f"postgresql://{login}@{name}-db:5432/afaq_{name}?{tls}"


def _login(user: str, logins: Mapping[str, str]) -> Files:
    return {"AFAQ_KAFKA_USERNAME": user, "AFAQ_KAFKA_PASSWORD": logins[user]}


def _roles(name: str, secrets: Mapping[str, str]) -> Files:
    roles = {f"{role}_password": secrets[f"{name}.{role}_password"] for role in ("owner", "app")}
    return {"superuser_password": password(), **roles}


def _chain(proof: Credential) -> str:
    return proof.key + proof.certificate


def _all(files: Iterable[Files]) -> Files:
    return {name: text for some in files for name, text in some.items()}
