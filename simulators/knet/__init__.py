"""A payment gateway in the manner of the classic "tranportal" kit of Kuwait's debit network. A SIMULATOR.

The merchant's server opens a hosted page (PaymentInit), its customer types in a test card there, and the gateway
writes the result down, tells the merchant's server (the callback) and sends the browser back. Inquiry and refund go
through tranPipe. The ledger answers the one question that matters afterwards: who was really charged, and how often.
"""
