"""Benchmarks: the product and its limits, measured in turn in one run. `python -m benchmarks --help`."""
