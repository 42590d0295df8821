"""The platform kit: what every service is made of. It imports no service."""
