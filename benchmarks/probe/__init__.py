"""A service with one event and one command, to measure the kit alone; and the same work by hand."""
