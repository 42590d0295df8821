"""Named places at which a test can have a real process die, as by SIGKILL.

A test writes the name of a point into the file that `AFAQ_CRASH_FILE` names; the process that comes there next takes
the file away and dies. So a process that is started again lives.
"""

import os
from pathlib import Path

VARIABLE = "AFAQ_CRASH_FILE"
POINTS = frozenset(
    {
        "before_commit",
        "after_commit_before_answer",
        "after_commit_before_offsets",
        "after_commit_before_publish",
        "after_publish_before_delete",
        "after_claim_before_work",
        "after_effect_before_record",
    }
)

_file = Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None


def crash_point(name: str) -> None:
    """Ends this process at once, with nothing flushed or rolled back, where a test has armed this point."""
    if _file is None:
        return
    assert name in POINTS
    try:
        armed = _file.read_text().strip()
    except FileNotFoundError:
        return
    if armed == name:
        _file.unlink()
        os._exit(137)
