"""requests owns the catalogue, requests and their way, offers, tasks of officers and persons, and issued documents.

Writes `requests.events`. Reads `payments.events` (a fee was paid or has lapsed), the snapshots `identity.persons`
(facts for eligibility, names), `identity.events` (life events, relations, erasures) and `identity.keys`.
"""
