"""All that is secret: made at random, kept in files, and told to nobody but who must know it."""
