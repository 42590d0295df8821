"""The demonstration: people, officers and a browser, played through the public HTTP APIs only."""
