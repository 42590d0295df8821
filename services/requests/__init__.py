"""requests owns the catalogue, requests and their way, officers' tasks, and issued documents.

Writes `requests.events`. Reads `payments.events` (a fee was paid or has lapsed), the snapshots
`identity.persons` (facts for eligibility, names), `identity.events` (an applicant was erased) and `identity.keys`.
"""
