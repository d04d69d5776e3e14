"""What can go wrong with a source itself, as opposed to one of its records.

A broken record never raises: it becomes a row with a reject reason. Messages name the source or object
and what to do, and never hold a secret.
"""


class SourceError(Exception):
    """A source cannot be listed or read as configured."""


class ObjectError(SourceError):
    """One object cannot be read, which says nothing of the others. `reason` is short enough for a ledger."""

    def __init__(self, uri: str, message: str, reason: str) -> None:
        super().__init__(message)
        self.uri = uri
        self.reason = reason


class ObjectChanged(ObjectError):
    """An object was overwritten between listing and reading: look at it again."""

    def __init__(self, uri: str) -> None:
        message = f"{uri} changed after it was listed; nothing of it was taken in, run it again"
        super().__init__(uri, message, "changed while it was read")


class ObjectGone(ObjectError):
    """An object was deleted between listing and reading: list again."""

    def __init__(self, uri: str) -> None:
        message = f"{uri} was deleted after it was listed; nothing of it was taken in, run it again"
        super().__init__(uri, message, "deleted before it was read")


class ObjectUnreadable(ObjectError):
    """An object is refused, damaged on its way, or comes too slowly, also when asked for again."""

    def __init__(self, source: str, uri: str, text: str) -> None:
        super().__init__(uri, f"source {source}: cannot read {uri}: {text}", f"cannot be read: {text}")


class CorruptStream(Exception):
    """The rest of one object cannot be decompressed. Never leaves this package: it becomes a reject."""
