"""What is outside of the platform's reach, and says so.

Small programs that stand for a bank's payment gateway (`knet`) and for an agency's desk (`agency`), so that the
whole platform runs on one machine. No money moves and no agency decides. Every answer carries the header
`X-Simulator`, every page a banner, and every log line `"simulator": true`.

Nothing here imports the platform: the two sides meet on the wire only, as they would in the world outside.
"""
