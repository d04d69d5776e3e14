"""What can go wrong in the lake. Nothing else belongs here."""


class LakeError(Exception):
    """The lake cannot do what was asked; the message says which table, what and what to do."""
