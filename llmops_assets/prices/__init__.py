"""List prices: versioned price books, as data, and how they get into DuckDB.

Belongs here: the books (`books/<price_version>.csv`), their loading, their export from the genai-prices library
and questions about them. Matching calls to prices and multiplying are the dbt project's.
"""

from llmops_assets.prices.book import METERS, PriceBookError, current_version, load_book
from llmops_assets.prices.configured import add_configured

__all__ = ["METERS", "PriceBookError", "add_configured", "current_version", "load_book"]
