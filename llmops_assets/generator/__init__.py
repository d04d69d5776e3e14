"""The example: made-up calls in every shape the project reads, dirt included, and the counts to prove it.

Belongs here: what `llmops generate` and the tests write. It shares no code with what reads it.
"""

from llmops_assets.generator.example import GeneratorError, generate
from llmops_assets.generator.planted import Planted, PlantedFile, PlantedHour

__all__ = ["GeneratorError", "Planted", "PlantedFile", "PlantedHour", "generate"]
