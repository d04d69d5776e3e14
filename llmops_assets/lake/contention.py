"""Other processes at work in the same catalog: which errors say so, and calling again until it is free.

Belongs here: calls that may simply be repeated. A commit is more than that: it is planned anew on what the
other process left (`commit`).
"""

from collections.abc import Callable
from typing import TypeVar

from pyiceberg.exceptions import CommitFailedException, ValidationException
from sqlalchemy.exc import DBAPIError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

Result = TypeVar("Result")

# SQLite while another process writes; any database while another process makes the catalog's own tables, or
# the same namespace, at the same moment.
BUSY = ("database is locked", "already exists", "UNIQUE constraint", "duplicate key")


def is_conflict(error: BaseException) -> bool:
    """Whether another process was first, or holds the catalog's SQLite file: try again."""
    if isinstance(error, CommitFailedException | ValidationException):
        return True
    return isinstance(error, DBAPIError) and any(words in str(error) for words in BUSY)


def when_free(call: Callable[[], Result]) -> Result:
    """Call again while another process holds a SQLite catalog or has just changed the table."""
    retrying = Retrying(
        retry=retry_if_exception(is_conflict),
        wait=wait_random_exponential(multiplier=0.02, max=1.0),
        stop=stop_after_delay(60),
        reraise=True,
    )
    return retrying(call)
