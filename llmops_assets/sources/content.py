"""The decoded content of one object, with a look ahead that a reader can be chosen by.

Belongs here: byte-order mark, compression and looking ahead. Does not belong here: what the content means.
"""

from collections.abc import Callable, Iterator

from llmops_assets.sources.compression import MAX_RATIO, decompressed
from llmops_assets.sources.errors import CorruptStream

_MARK = b"\xef\xbb\xbf"


class Content:
    """A stream of chunks of which the beginning can be seen before it is read."""

    def __init__(self, chunks: Iterator[bytes], max_ratio: int = MAX_RATIO) -> None:
        self._chunks = decompressed(chunks, max_ratio)
        self._head = b""
        self._failure: CorruptStream | None = None
        self.ended = False
        self.look(lambda head: len(head) >= len(_MARK))
        self._head = self._head.removeprefix(_MARK)

    def look(self, enough: Callable[[bytes], bool]) -> bytes:
        """The beginning, long enough to satisfy `enough`, or all there is."""
        while not self.ended and not enough(self._head):
            try:
                chunk = next(self._chunks, None)
            except CorruptStream as failure:
                self._failure = failure
                chunk = None
            self.ended = chunk is None
            self._head += chunk or b""
        return self._head

    @property
    def is_whole(self) -> bool:
        """True if the head is all there is and nothing is missing behind it."""
        return self.ended and self._failure is None

    def __iter__(self) -> Iterator[bytes]:
        """All chunks, from the beginning; once only.

        Raises:
            CorruptStream: behind what could be decoded.
        """
        head, self._head = self._head, b""
        if head:
            yield head
        del head
        if self._failure is not None:
            raise self._failure
        if not self.ended:
            yield from self._chunks
