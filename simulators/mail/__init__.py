"""A mail server that takes every message and delivers none. A SIMULATOR.

It speaks SMTP on a port of its own and writes each copy down before it says 250, so that a sender's repeats are seen.
"""
