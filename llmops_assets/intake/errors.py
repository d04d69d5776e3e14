"""What the endpoint answers when it cannot do what it was asked, and what stops it from starting.

Messages name the line, the setting or the token's name. They never hold a record, a token or a secret.
"""


class IntakeError(Exception):
    """The endpoint cannot start as configured; the message says what to do."""


class Refused(Exception):
    """A request that is answered with `status` and the message."""

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class Unavailable(Refused):
    """Events cannot be stored now: nothing of the request was kept, and it is safe to send it again."""

    def __init__(self, message: str, retry_after: int = 2) -> None:
        super().__init__(503, message, retry_after)
