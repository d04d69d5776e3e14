"""List prices: versioned price books, as data, and how they get into DuckDB.

Belongs here: the books (`books/<price_version>.csv`), their loading and their export from the
genai-prices library. Matching a call to a price and multiplying are the dbt project's.
"""

from llmops_assets.prices.book import METERS, PriceBookError, current_version, load_book

__all__ = ["METERS", "PriceBookError", "current_version", "load_book"]
