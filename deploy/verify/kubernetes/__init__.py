"""The chart on a real cluster, with real pods: see __main__."""
