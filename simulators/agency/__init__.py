"""An agency's desk: an officer who signs in, takes open tasks and decides them. A SIMULATOR.

It knows the platform as any agency would, through identity's sign-in and the task routes of requests. Its ledger
holds each choice before it is sent, so that a repeated decision is always the same decision.
"""
