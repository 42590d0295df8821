"""What services say to one another: the envelope, the topics, and one module of events per producing service."""
