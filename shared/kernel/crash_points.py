"""Named places at which a test can have a real process die, as by SIGKILL.

`AFAQ_CRASH_AT=after_commit_before_publish` kills at the first pass; `…:3` at the third.
"""

import os

VARIABLE = "AFAQ_CRASH_AT"
POINTS = frozenset({"after_commit_before_publish", "after_publish_before_delete", "after_effect_before_record"})

_armed, _, _passes = os.environ.get(VARIABLE, "").partition(":")
_left = int(_passes or 1)


def crash_point(name: str) -> None:
    """Ends this process at once, with nothing flushed or rolled back, where a test has armed this point."""
    global _left
    if name != _armed:
        return
    _left -= 1
    if _left == 0:
        os._exit(137)
