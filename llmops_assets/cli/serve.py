"""`llmops serve`: the events endpoint, until it is told to stop."""

import logging
from pathlib import Path

from llmops_assets.cli.console import errors
from llmops_assets.settings import Settings

STOP_SECONDS = 20


def run(config: Path | None, host: str | None, port: int | None) -> None:
    """Serve until SIGINT or SIGTERM; then store what is queued and finish open objects."""
    import uvicorn

    from llmops_assets.intake.app import create_app

    settings = Settings.load(config)
    host, port = host or settings.intake.host, port or settings.intake.port
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = create_app(settings)
    errors.print(f"events endpoint on http://{host}:{port}/v0/events", highlight=False)
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
