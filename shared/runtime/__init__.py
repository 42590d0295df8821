"""How a service runs as a process: its settings, its roles, and its orderly end."""
