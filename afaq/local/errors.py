"""What can go wrong with the embedded stack, in one plain sentence that says what to do."""


class StackError(Exception):
    """The stack cannot do what was asked; the message is for people, complete, and needs no traceback."""
