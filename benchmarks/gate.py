"""When a round counts: all that should be there is there, nearly nothing has failed, and the load was not the limit."""

from collections.abc import Mapping

from benchmarks.cpu import LOAD, OTHERS, Usage

ERROR_SHARE = 0.001
LOAD_SHARE = 0.7
NOISE_SHARE = 0.15
STOLEN_SHARE = 0.05


def check_errors(errors: int, asked: int) -> list[str]:
    """Less than one in a thousand may fail."""
    if errors and errors >= ERROR_SHARE * asked:
        return [f"{errors} of {asked} failed"]
    return [] if asked else ["nothing was asked"]


def check_load(used: Usage) -> list[str]:
    """A generator that is near the limit of its core measures itself."""
    share = used.share(LOAD)
    return [f"the load generator took {share:.0%} of a core"] if share >= LOAD_SHARE else []


def check_counts(found: Mapping[str, int], expected: Mapping[str, int]) -> list[str]:
    """Exactly the expected numbers of these things."""
    wrong = {name: (found.get(name, 0), count) for name, count in expected.items() if found.get(name, 0) != count}
    return [f"{there} {name} where {count} were expected" for name, (there, count) in wrong.items()]


def check_noise(used: Usage) -> list[str]:
    """Nobody else may use the machine: who waits for a core commits in larger groups, and seems cheaper, not dearer."""
    found = []
    if used.share(OTHERS) > NOISE_SHARE:
        found.append(f"others on this machine took {used.share(OTHERS):.0%} of a core")
    if used.stolen / used.at > STOLEN_SHARE:
        found.append(f"the host took {used.stolen / used.at:.0%} of a core away")
    return found
