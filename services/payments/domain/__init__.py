"""The rules of payments."""
