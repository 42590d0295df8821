"""The bank that pays people for agencies, once a reference. A SIMULATOR.

It pays to every account whose IBAN is well formed, but for those that end in 0000: these it does not have.
"""
