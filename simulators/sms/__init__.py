"""Two companies that send text messages, `north` and `south`. A SIMULATOR.

A message is accepted once a reference, and nobody's phone rings: the page shows what a phone would. What became of it
is told by webhook, as the number's last digits say.
"""
