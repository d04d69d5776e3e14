"""What can go wrong with a source itself, as opposed to one of its records.

A broken record never raises: it becomes a row with a reject reason. Messages name the source or object
and what to do, and never hold a secret.
"""


class SourceError(Exception):
    """A source cannot be listed or read as configured."""


class ObjectChanged(SourceError):
    """An object was overwritten between listing and reading: list again."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"{uri} changed after it was listed; nothing of it was taken in, run it again")
        self.uri = uri


class ObjectGone(SourceError):
    """An object was deleted between listing and reading: list again."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"{uri} was deleted after it was listed; nothing of it was taken in, run it again")
        self.uri = uri


class CorruptStream(Exception):
    """The rest of one object cannot be decompressed. Never leaves this package: it becomes a reject."""
