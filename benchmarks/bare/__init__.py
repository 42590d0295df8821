"""The limit of a transaction: the product's processes, messages and HTTP calls, a commit a step, and no behaviour.

There are no rules, no people, no sealing, no inbox, no jobs, no traces and no idempotency; a crash may lose messages.
"""
