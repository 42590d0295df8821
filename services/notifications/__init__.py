"""notifications owns templates, recipients' preferences and contacts, deliveries and their attempts.

Writes `notifications.events`. Reads the events of requests and payments that people are told of, the snapshots
`identity.persons` (names, contacts, languages), `identity.events` (a person was erased) and `identity.keys`.
"""
