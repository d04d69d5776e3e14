"""The service as HTTP: Tinybird's events API, and what an operator's probes ask.

Belongs here: paths, parameters, status codes and headers. Everything else is `service`. There is no access log:
a query string may hold what somebody typed there by mistake.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from llmops_assets.intake.errors import Refused
from llmops_assets.intake.service import Ask, Service
from llmops_assets.settings import Settings

TRUE = ("true", "1")
log = logging.getLogger("llmops.intake")


def create_app(settings: Settings) -> FastAPI:
    """The service for these settings. Nothing is opened before it starts.

    Raises:
        IntakeError, SourceError: it cannot start as configured.
    """
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.spool.start()
        log.info("events endpoint is ready")
        yield
        if left := service.spool.stop():
            log.error("%d requests or objects could not be stored; objects are finished at the next start", left)

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.service = service
    app.add_api_route("/v0/events", _events, methods=["POST"])
    app.add_api_route("/healthz", _health, methods=["GET"])
    app.add_api_route("/readyz", _ready, methods=["GET"])
    app.add_api_route("/metrics", _metrics, methods=["GET"])
    return app


async def _events(request: Request) -> Response:
    service: Service = request.app.state.service
    ask = _ask(request)
    try:
        taken = await service.take(ask, request.stream())
        counts = {"successful_rows": taken.events, "quarantined_rows": taken.quarantined}
        answer = _json(200 if ask.wait else 202, counts)
    except Refused as refusal:
        answer = _refusal(refusal)
    except ClientDisconnect:
        answer = _json(400, {"error": "the sender hung up"})
    service.counters.add("requests", str(answer.status_code))
    return answer


def _ask(request: Request) -> Ask:
    headers, query = request.headers, request.query_params
    return Ask(
        authorization=headers.get("authorization"),
        name=query.get("name"),
        encoding=headers.get("content-encoding", ""),
        length=headers.get("content-length"),
        wait=query.get("wait", "").lower() in TRUE,
    )


def _refusal(refusal: Refused) -> Response:
    answer = _json(refusal.status, {"error": str(refusal)})
    if refusal.retry_after is not None:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


async def _health() -> Response:
    return _json(200, {"status": "alive"})


async def _ready(request: Request) -> Response:
    service: Service = request.app.state.service
    complaints = service.complaints
    status = {"status": "complaining" if complaints else "ready", "complaints": complaints, **service.gauges}
    return _json(503 if service.spool.complaints else 200, status)


async def _metrics(request: Request) -> Response:
    service: Service = request.app.state.service
    return Response(service.counters.text(service.gauges), media_type="text/plain; version=0.0.4")


def _json(status: int, content: object) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
