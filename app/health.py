"""Health: for Kubernetes (/healthz, /readyz), for people (/health), and for the metrics (dependency_up)."""

import asyncio
from typing import Any, Literal

import orjson
import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.cache import Cache
from app.database import Database, DatabaseUnavailableError
from app.metrics import DEPENDENCY_UP

LOOK_SECONDS = 1.0  # so that everything works again within 5 s of a dependency's return

log = structlog.get_logger()


class Health:
    """What is known about this process and its dependencies; kept current by `watch`."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache
        self.reached_database = False
        """Whether the database was there, and migrated, once.

        An outage doesn't take it back: all pods out at once help nobody.
        """
        self.draining = False
        """Whether the process was told to stop."""

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return self.reached_database and not self.draining

    async def watch(self) -> None:
        """Look after both dependencies until cancelled."""
        while True:
            await asyncio.gather(self.database_works(), self.cache_works())
            await asyncio.sleep(LOOK_SECONDS)

    async def database_works(self) -> bool:
        """Ask the database now, and remember its first answer."""
        try:
            if self.reached_database:
                await self._database.ping()
            elif await self._database.is_migrated():
                self.reached_database = True
                log.info("ready")
            else:
                log.warning("database_not_migrated", remedy="run python -m app.migrate")
            works = True
        except DatabaseUnavailableError as error:
            log.warning("database_away", error=str(error))
            works = False
        DEPENDENCY_UP.labels("database").set(works)
        return works

    async def cache_works(self) -> bool:
        """Ask the cache now, and take it into use again if it is back."""
        works = await self._cache.recover()
        DEPENDENCY_UP.labels("cache").set(works)
        return works


router = APIRouter(tags=["health"])


def _documented(model: type[BaseModel], unavailable: dict[str, object]) -> dict[int | str, dict[str, Any]]:
    """The 503 that the health routes answer: no problem document, since it is what was asked for."""
    return {
        503: {
            "description": "It isn't",
            "model": model,
            "content": {"application/json": {"example": unavailable}},
        }
    }


class Status(BaseModel):
    """Whether it works, in a word or a few."""

    status: str = Field(examples=["ok"])


class Everything(BaseModel):
    """Whether the service works (`degraded`: without its cache), and each dependency."""

    status: Literal["ok", "degraded", "unavailable"] = Field(examples=["ok"])
    dependencies: dict[str, Literal["ok", "unavailable"]] = Field(examples=[{"database": "ok", "cache": "ok"}])


def _health(request: Request) -> Health:
    health: Health = request.app.state.health
    return health


def _answer(code: int, **document: object) -> Response:
    return Response(orjson.dumps(document), code, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/healthz", response_model=Status, summary="Liveness: the process answers")
async def healthz() -> Response:
    """Depends on nothing: restarting the process repairs no database."""
    return _answer(200, status="ok")


@router.get(
    "/readyz",
    response_model=Status,
    responses=_documented(Status, {"status": "stopping"}),
    summary="Readiness: started, reached the database once, not stopping",
)
async def readyz(request: Request) -> Response:
    """503 before the database was reached once, and while stopping."""
    health = _health(request)
    if health.ready:
        return _answer(200, status="ok")
    return _answer(503, status="stopping" if health.draining else "waiting for the migrated database")


@router.get(
    "/health",
    response_model=Everything,
    responses=_documented(
        Everything, {"status": "unavailable", "dependencies": {"database": "unavailable", "cache": "ok"}}
    ),
    summary="Each dependency, for people",
)
async def health_of_everything(request: Request) -> Response:
    """Asks each dependency now; 503 when the service can't work without the missing one."""
    health = _health(request)
    database, cache = await asyncio.gather(health.database_works(), health.cache_works())
    # Without the cache everything still works, only slower.
    status = "ok" if database and cache else "degraded" if database else "unavailable"
    dependencies = {"database": "ok" if database else "unavailable", "cache": "ok" if cache else "unavailable"}
    return _answer(200 if database else 503, status=status, dependencies=dependencies)


@router.get(
    "/users/health",
    response_model=Status,
    responses=_documented(Status, {"status": "unavailable"}),
    summary="Whether users can log in and be recognised now",
)
async def health_of_users(request: Request) -> Response:
    """Asks the database, which has the users, and the cache, which has their sessions; 503 when either doesn't answer."""
    health = _health(request)
    works = all(await asyncio.gather(health.database_works(), health.cache_works()))
    return _answer(200 if works else 503, status="ok" if works else "unavailable")


@router.get(
    "/quotes/health",
    response_model=Status,
    responses=_documented(Status, {"status": "unavailable"}),
    summary="Whether quotes can be read now",
)
@router.get(
    "/search/health",
    response_model=Status,
    responses=_documented(Status, {"status": "unavailable"}),
    summary="Whether quotes can be searched now",
)
async def health_of_quotes(request: Request) -> Response:
    """Asks the database now; 503 when it doesn't answer."""
    works = await _health(request).database_works()
    return _answer(200 if works else 503, status="ok" if works else "unavailable")
