"""identity owns persons, their registry facts, life events, who acts for whom, and sign-in.

Writes `identity.events`, the snapshots `identity.persons` (what others may know of a person) and `identity.keys`
(public keys of access tokens). Reads `requests.events` (what a request has made so) and `identity.keys`, as every
service does to verify tokens.
"""
