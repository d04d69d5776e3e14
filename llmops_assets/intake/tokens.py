"""Who may send what: bearer tokens, of which only salted hashes are kept, in a TOML file of their own.

Belongs here: making a token, reading the file, finding the token of a request. The file is read again when it
changes, so that a line taken out locks its holder out within a second. A token is `llmops.<name>.<secret>`; its
name is no secret and is what logs and counters show.
"""

import hashlib
import hmac
import os
import re
import secrets
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from llmops_assets.intake.errors import IntakeError, Refused
from llmops_assets.intake.limits import RateLimit
from llmops_assets.section import Section

NAME = re.compile(r"^[a-z][a-z0-9_-]*$")
LOOK_SECONDS = 1.0


class TokenEntry(Section):
    """One line of the file."""

    hash: str = Field(description="What `llmops token create` printed.", pattern=r"^sha256:[0-9a-f]{32}:[0-9a-f]{64}$")
    source: str = Field(description="The source that the token appends to.")
    scope: Literal["append"] = Field("append", description="What the token may do.")
    tenant: str | None = Field(None, description="The tenant that the token speaks for: that of its source.")
    events_per_second: float | None = Field(None, description="Events a second on average; none is no limit.", gt=0)


@dataclass(frozen=True)
class Token:
    """A token that was recognised."""

    name: str
    entry: TokenEntry
    limit: RateLimit | None


def create_token(name: str, entry: Mapping[str, Any], pepper: bytes) -> tuple[str, str]:
    """A new token, and the line of the file that recognises it.

    Raises:
        IntakeError: the name cannot be one.
    """
    if not NAME.match(name):
        raise IntakeError(f"token name {name!r}: use lower-case letters, digits, - and _, beginning with a letter")
    token = f"llmops.{name}.{secrets.token_urlsafe(32)}"
    salt = secrets.token_bytes(16)
    values = {"hash": f"sha256:{salt.hex()}:{_digest(token, salt, pepper)}"} | dict(entry)
    listed = ", ".join(f"{key} = {_toml(value)}" for key, value in values.items() if value is not None)
    return token, f"{name} = {{ {listed} }}"


def pepper_of(variable: str | None) -> bytes:
    """The secret that goes into every hash, from the variable that a setting names.

    Raises:
        IntakeError: the variable is not set.
    """
    if variable is None:
        return b""
    if not os.environ.get(variable):
        raise IntakeError(f"intake.pepper_env names the environment variable {variable}, which is not set; export it")
    return os.environ[variable].encode()


class TokenBook:
    """The tokens of a file. `tenants` says which sources there are and whose records each takes."""

    def __init__(self, path: Path, pepper: bytes, tenants: Mapping[str, str | None]) -> None:
        self.path, self.complaint = path, ""
        self._pepper, self._tenants = pepper, tenants
        self._tokens: dict[str, Token] = {}
        self._version: tuple[int, ...] = ()
        self._looked_at = time.monotonic()
        self._read()

    def find(self, header: str | None) -> Token:
        """The token of an Authorization header.

        Raises:
            Refused: there is none, or it is not in the file.
        """
        self._look()
        scheme, _, text = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise Refused(401, "send the header Authorization: Bearer <token>")
        parts = text.strip().split(".")
        token = self._tokens.get(parts[1]) if len(parts) == 3 else None
        if token is None or not _matches(text.strip(), token.entry.hash, self._pepper):
            raise Refused(401, "the token is not known here; make one with: llmops token create")
        return token

    def _look(self) -> None:
        """Read the file again if it changed. What cannot be read leaves the tokens as they were."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        try:
            if _version(self.path) != self._version:
                self._read()
            self.complaint = ""
        except IntakeError as error:
            self.complaint = str(error)

    def _read(self) -> None:
        version = _version(self.path)
        entries = _entries(self.path, self._tenants)
        self._tokens = {name: self._token(name, entry) for name, entry in entries.items()}
        self._version = version

    def _token(self, name: str, entry: TokenEntry) -> Token:
        """The token with its rate limit, which goes on where it was if the entry is the same."""
        known = self._tokens.get(name)
        if known is not None and known.entry == entry:
            return known
        return Token(name, entry, RateLimit(entry.events_per_second) if entry.events_per_second else None)


def _entries(path: Path, tenants: Mapping[str, str | None]) -> dict[str, TokenEntry]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tokens", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise IntakeError(f"{path}: the tokens cannot be read ({error}); see docs/sources.md") from None
    return {name: _entry(path, name, values, tenants) for name, values in table.items()}


def _entry(path: Path, name: str, values: Any, tenants: Mapping[str, str | None]) -> TokenEntry:
    try:
        entry = TokenEntry.model_validate(values)
    except ValidationError as error:  # only where and why: a value may be a token by mistake
        found = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise IntakeError(f"{path}: token {name}: {found}; take the line that llmops token create printed") from None
    if entry.source not in tenants:
        known = ", ".join(sorted(tenants)) or "none"
        raise IntakeError(f"{path}: token {name}: there is no source {entry.source!r} to append to (there is: {known})")
    if entry.tenant is not None and entry.tenant != tenants[entry.source]:
        raise IntakeError(
            f"{path}: token {name} speaks for tenant {entry.tenant!r}, but its source {entry.source} has tenant "
            f"{tenants[entry.source]!r}; set the same tenant in that [[source]], or name another source"
        )
    return entry


def _matches(token: str, stored: str, pepper: bytes) -> bool:
    _, salt, digest = stored.split(":")
    return hmac.compare_digest(_digest(token, bytes.fromhex(salt), pepper), digest)


def _digest(token: str, salt: bytes, pepper: bytes) -> str:
    """A token has 256 random bits: one round is enough, and takes a microsecond on every request."""
    return hmac.new(pepper, salt + token.encode(), hashlib.sha256).hexdigest()


def _version(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value:g}" if isinstance(value, float) else str(value)
