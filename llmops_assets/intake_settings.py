"""Settings of the events endpoint: where it listens, who may send, when its objects are finished.

Belongs here: names, defaults, what is allowed. Tokens are in a file of their own, as hashes; what they may do
belongs to `intake.tokens`. Where events are stored is the `uri` of the source that a token names.
"""

from pathlib import Path

from pydantic import Field

from llmops_assets.section import Section


class IntakeSettings(Section):
    """What `llmops serve` does."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 is every one.", min_length=1)
    port: int = Field(8088, description="Port to listen on.", ge=1, le=65535)
    tokens: Path | None = Field(None, description="File of the tokens that may send; without it nobody may.")
    pepper_env: str | None = Field(None, description="Variable with a secret that goes into every token's hash.")
    folder: Path | None = Field(None, description="Where events wait for their upload; default: intake under home.")
    roll_bytes: int = Field(64 * 2**20, description="An object is finished when it is this large.", ge=1024)
    roll_seconds: float = Field(60.0, description="An object is finished when it is this old.", gt=0)
    upload_seconds: float = Field(1.0, description="The same if a request waits for its upload.", gt=0)
    queue_bytes: int = Field(64 * 2**20, description="Events held in memory; beyond it the answer is 429.", ge=2**20)
    max_body_bytes: int = Field(10 * 2**20, description="A larger body, sent or decompressed, is refused.", ge=1024)

    def anchored(self, folder: Path) -> "IntakeSettings":
        """The same settings with relative paths taken from `folder`."""
        paths = {"tokens": self.tokens, "folder": self.folder}
        return self.model_copy(update={name: path and folder / path.expanduser() for name, path in paths.items()})
