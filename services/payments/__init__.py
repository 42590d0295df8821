"""payments owns fees due, attempts at a gateway, refunds, payouts, and the ledger that balances to the fils.

Writes `payments.events`. Reads `requests.events` (a fee is due, or no longer; somebody is owed), `identity.events` (a
payer was erased) and `identity.keys`.
"""
