"""Trace contexts that come from outside."""

import pytest

from shared.observability.tracing import is_sampled

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(("flags", "sampled"), [("01", True), ("03", True), ("00", False), ("02", False)])
def test_a_trace_is_recorded_where_its_flags_say_so(flags: str, sampled: bool) -> None:
    assert is_sampled(f"00-{TRACE}-{SPAN}-{flags}") is sampled


@pytest.mark.parametrize("header", ["", "-", "01", f"00-{TRACE}-{SPAN}-xy", f"00-{TRACE}-01", "a-b-c-01"])
def test_what_is_no_trace_context_is_not_recorded_and_stops_nothing(header: str) -> None:
    assert is_sampled(header) is False
