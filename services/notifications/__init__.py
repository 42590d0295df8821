"""notifications owns templates, recipients' preferences, and deliveries.

Writes `notifications.events`. Reads the events of requests and payments that people are told of, the snapshots
`identity.persons` (names, languages), `identity.events` (a person was erased) and `identity.keys`.
"""
