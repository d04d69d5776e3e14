"""What a request goes through: token, name, rate, size, decoding, tenant, spool.

Belongs here: the order of the checks and what each answers. HTTP itself is `app`, storing is `spool`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial

from llmops_assets.intake.bodies import Allowed, Taken, plain, records_of, too_large
from llmops_assets.intake.counters import Counters
from llmops_assets.intake.destinations import destination_of
from llmops_assets.intake.errors import IntakeError, Refused
from llmops_assets.intake.finishing import Finisher
from llmops_assets.intake.lanes import Lane, Now, utc_now
from llmops_assets.intake.spool import Spool
from llmops_assets.intake.tenants import named_tenant
from llmops_assets.intake.tokens import Token, TokenBook, pepper_of
from llmops_assets.settings import Settings
from llmops_assets.sources.errors import SourceError

# Below it, handing a body to another thread costs more than decoding it.
INLINE_BYTES = 512 * 2**10
BODY_SECONDS = 60
log = logging.getLogger("llmops.intake")


@dataclass(frozen=True)
class Ask:
    """A request, without its body."""

    authorization: str | None
    name: str | None
    encoding: str
    length: str | None
    wait: bool


class Service:
    """The endpoint behind HTTP."""

    def __init__(self, settings: Settings, now: Now = utc_now) -> None:
        self._settings = settings.intake
        self.counters = Counters()
        lanes = _lanes(settings, self.counters, now)
        self._tenants = {source.name: source.tenant for source in settings.source if source.name in lanes}
        self.tokens = _token_book(settings, self._tenants)
        self.spool = Spool(lanes, settings.intake.queue_bytes, self.counters)
        self._reading_bytes = 0

    async def take(self, ask: Ask, chunks: AsyncIterator[bytes]) -> Taken:
        """Take the events of one request; back when they are queued or, if the request waits, durable.

        Raises:
            Refused: with the status and the reason to answer.
        """
        token = self.tokens.find(ask.authorization)
        self._admit(token, ask)
        body = await self._read(chunks)
        taken = await self._decode(token, ask, body)
        if not taken.events:
            tenant = self._tenants[token.entry.source]
            raise Refused(403, f"every record names another tenant than {tenant!r}, the one that this token may send")
        done = self.spool.put(token.entry.source, taken.data, wait=ask.wait)
        self._count(token, taken)
        if done is not None:
            await asyncio.wrap_future(done)
        return taken

    @property
    def complaints(self) -> list[str]:
        """What does not work now."""
        return [*self.spool.complaints, *([self.tokens.complaint] if self.tokens.complaint else [])]

    @property
    def gauges(self) -> Mapping[str, int]:
        """What is waiting where."""
        return {"queued_bytes": self.spool.queued_bytes, "backlog_bytes": self.spool.backlog_bytes}

    def _admit(self, token: Token, ask: Ask) -> None:
        if not ask.name:
            raise Refused(400, "name is missing; post to /v0/events?name=" + token.entry.source)
        if ask.name != token.entry.source:
            raise Refused(403, f"the token {token.name} may append to {token.entry.source} only")
        if token.limit is not None and (seconds := token.limit.wait()):
            raise Refused(429, f"more than {token.limit.per_second:g} events a second; send it again later", seconds)
        if ask.length is not None and ask.length.isdigit() and int(ask.length) > self._settings.max_body_bytes:
            raise too_large(self._settings.max_body_bytes)

    async def _read(self, chunks: AsyncIterator[bytes]) -> bytes:
        """The body, within the bounds of one body and of all that are being read."""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in chunks:
                    size += len(chunk)
                    self._reading_bytes += len(chunk)
                    self._check_size(size)
                    parts.append(chunk)
        except TimeoutError:
            raise Refused(408, f"the body took longer than {BODY_SECONDS} s") from None
        finally:
            self._reading_bytes -= size
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _check_size(self, size: int) -> None:
        if size > self._settings.max_body_bytes:
            raise too_large(self._settings.max_body_bytes)
        if self._reading_bytes > size and self._reading_bytes > self.spool.room():
            raise Refused(429, "more is coming in than can be stored; send it again later", 1)

    async def _decode(self, token: Token, ask: Ask, body: bytes) -> Taken:
        decode = partial(_decoded, body, ask.encoding, self._settings.max_body_bytes, self._allowed(token))
        return decode() if len(body) < INLINE_BYTES else await asyncio.to_thread(decode)

    def _allowed(self, token: Token) -> Allowed | None:
        """Which records the token may send; None if all."""
        tenant = self._tenants[token.entry.source]
        if tenant is None:
            return None
        return lambda record: named_tenant(record) in (None, tenant)

    def _count(self, token: Token, taken: Taken) -> None:
        source = token.entry.source
        if token.limit is not None:
            token.limit.take(taken.events)
        self.counters.add("events", source, taken.events)
        self.counters.add("bytes", source, len(taken.data))
        if taken.quarantined:
            self.counters.add("quarantined", source, taken.quarantined)


def _decoded(body: bytes, encoding: str, limit: int, allowed: Allowed | None) -> Taken:
    return records_of(plain(body, encoding, limit), allowed)


def _token_book(settings: Settings, tenants: Mapping[str, str | None]) -> TokenBook:
    path = settings.intake.tokens
    if path is None:
        raise IntakeError(
            "intake.tokens is not set: make a token with llmops token create, put its line into a file "
            'under [tokens], and set tokens = "tokens.toml" in [intake]'
        )
    return TokenBook(path, pepper_of(settings.intake.pepper_env), tenants)


def _lanes(settings: Settings, counters: Counters, now: Now) -> dict[str, Lane]:
    """A lane for each source that events can be written to; why another is none goes to the log."""
    lanes = {}
    for source in settings.source:
        try:
            destination = destination_of(source, settings.intake_folder)
        except (IntakeError, SourceError) as error:
            log.warning("no events can be sent to source %s: %s", source.name, error)
            continue
        lanes[source.name] = Lane(destination, Finisher(source.name, destination, counters), settings.intake, now)
    return lanes
