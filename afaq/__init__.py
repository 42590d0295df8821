"""The command line of Afaq and the stack it runs on a laptop."""
