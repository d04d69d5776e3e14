"""The errors that a user can meet and mend, shown without a trace."""


def expected_errors() -> tuple[type[Exception], ...]:
    """Exception types whose message says what was wrong, where, and what to do."""
    import duckdb

    from llmops_assets.cli.decode import DecodeError
    from llmops_assets.cli.sql import SqlError
    from llmops_assets.generator import GeneratorError
    from llmops_assets.intake import IntakeError
    from llmops_assets.lake import LakeError
    from llmops_assets.prices import PriceBookError
    from llmops_assets.sources import SourceError
    from llmops_assets.warehouse.project import DbtError

    sources = (SourceError, IntakeError, GeneratorError, DecodeError)
    return (*sources, SqlError, LakeError, PriceBookError, DbtError, duckdb.Error)
