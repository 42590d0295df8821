"""What is outside of the platform's reach, and says so.

Small programs that stand for a bank's payment gateway (`knet`), an agency's desk (`agency`), two companies that send
text messages (`sms`), a mail server (`mail`) and hospitals that report births (`hospital`), so that the whole platform
runs on one machine. No money moves, no agency decides, no message is delivered and nobody is born. Every answer carries
the header `X-Simulator`, every page a banner, and every log line `"simulator": true`.

Nothing here imports the platform: the two sides meet on the wire only, as they would in the world outside.
"""
