"""The owner of a service's database, for what the app role may not do."""

import json
from urllib.parse import quote, urlsplit, urlunsplit

from afaq.access import LOCAL, environment_of
from afaq.local.errors import StackError


def owner_dsn_of(name: str) -> str:
    """AFAQ_<SERVICE>_OWNER_DSN, else the owner in the local stack that runs here. Raises StackError."""
    variable, environment = f"AFAQ_{name.upper()}_OWNER_DSN", environment_of(name)
    if variable in environment:
        return environment[variable]
    directory = next((directory for directory in LOCAL if (directory / "stack.json").exists()), None)
    if directory is None:
        raise StackError(f"Set {variable}: the tables are the owner's, not the app role's.")
    app = urlsplit(environment[f"AFAQ_{name.upper()}_POSTGRES_DSN"])
    password = json.loads((directory / "secrets.json").read_text(encoding="utf-8"))[f"{name}.owner_password"]
    owner = f"{(app.username or '').removesuffix('_app')}_owner:{quote(password, safe='')}"
    return urlunsplit(app._replace(netloc=f"{owner}@{app.netloc.rpartition('@')[2]}"))
