"""What every table of the configuration file has in common. Which tables there are is `llmops_assets.settings`.

Nothing is read here.
"""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
