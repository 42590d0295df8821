"""The ministry of health's hospitals, which report births to the platform. A SIMULATOR: nobody is born.

A report is written down with the very body and key that it is sent with, and sent until the platform has answered it:
through a restart, late, twice, or with an error that is put right the next day.
"""
