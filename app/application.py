"""Puts the application together: what is made at start, in which order it is opened, and closed again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from pydantic import BaseModel, Field

from app import NAME, __version__, description, health, metrics, page, problems, quotes, search, users
from app.body_limit import BodyLimit
from app.cache import Cache
from app.cache import Credentials as CacheCredentials
from app.database import Database, PasswordSource
from app.faults import Faults
from app.health import Health
from app.logs import RequestLog
from app.passwords import Passwords
from app.rate_limits import RateLimit, RateLimits
from app.sessions import Sessions
from app.settings import Settings, read_secret
from app.telemetry import Telemetry

log = structlog.get_logger()

NOT_FASTAPIS: TelemetryConfig = {"auto_configure": False, "tracing": False, "metrics": False, "logs": False}
"""FastAPI's own traces tell paths and queries, its logs what exceptions say: ours tell less (app/tracing.py)."""


def create_application(settings: Settings) -> FastAPI:
    """The ASGI application. Connections and the metrics port are opened by its lifespan, not here."""
    telemetry = Telemetry(settings)
    database_password, cache_credentials = _logins(settings)
    database = Database(settings, database_password)
    cache = Cache(settings, cache_credentials)
    limits = RateLimits(cache, settings)

    # Without FastAPI's own pages for the description, whose scripts come from somebody else's server.
    application = FastAPI(
        title=NAME,
        version=__version__,
        lifespan=_lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=NOT_FASTAPIS,
    )
    application.state.settings = settings
    application.state.telemetry = telemetry
    application.state.database = database
    application.state.cache = cache
    application.state.quotes_by_id = database.by_id(quotes.THESE)
    application.state.sessions = Sessions(cache, database, secure_cookies=settings.secure_cookies)
    application.state.passwords = Passwords()
    application.state.rate_limits = limits
    application.state.health = Health(database, cache)
    _routes(application)
    # The last one added is the outermost.
    application.add_middleware(BodyLimit)
    if settings.faults_enabled:
        application.add_middleware(Faults)
    application.add_middleware(RateLimit, limits=limits, trusted_proxies=settings.trusted_proxies)
    application.add_middleware(metrics.RequestMetrics)
    telemetry.install(application)
    application.add_middleware(RequestLog)
    return application


@asynccontextmanager
async def _lifespan(application: FastAPI) -> AsyncIterator[None]:
    state, port = application.state, application.state.settings.metrics_port
    try:
        server, thread = metrics.serve(port)
    except OSError as error:
        log.error("metrics_port_taken", port=port, reason=str(error), remedy="set METRICS_PORT to a free port")
        raise
    _watch_pool(state.database)
    await state.database.open()
    watching = asyncio.create_task(state.health.watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        state.passwords.close()
        await state.cache.close()
        await state.database.close()
        await state.telemetry.stop()
        # Last, so that a scrape during the stop still finds it.
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join(1)


def _routes(application: FastAPI) -> None:
    problems.install(application)
    # Before quotes, whose /quotes/{id} would take /quotes/health for a quote.
    for part in (health, quotes, search, users, page):
        application.include_router(part.router)
    application.add_api_route("/version", _about, summary="Name and version", tags=["about"])
    description.install(application)


class About(BaseModel):
    """What runs here."""

    name: str = Field(examples=[NAME])
    version: str = Field(examples=[__version__])


async def _about() -> About:
    return About(name=NAME, version=__version__)


def _watch_pool(database: Database) -> None:
    for gauge, name in (
        (metrics.POOL_CONNECTIONS, "pool_size"),
        (metrics.POOL_IDLE, "pool_available"),
        (metrics.POOL_WAITING, "requests_waiting"),
    ):
        gauge.set_function(lambda name=name: float(database.statistics().get(name, 0)))  # type: ignore[misc]


def _logins(settings: Settings) -> tuple[PasswordSource, CacheCredentials]:
    """What gives the database's password and the cache's credentials at each new connection."""
    region = settings.aws_region or ""

    def database_password() -> str:
        if settings.database_password_file is not None:
            return read_secret(settings.database_password_file)
        return tokens.database(settings.database_host, settings.database_port, settings.database_user)

    def cache_credentials() -> tuple[str] | tuple[str, str]:
        if settings.cache_password_file is not None:
            password = read_secret(settings.cache_password_file)
            return (settings.cache_user, password) if settings.cache_user else (password,)
        user = settings.cache_user or ""
        return user, tokens.cache(settings.cache_name or "", user, serverless=settings.cache_serverless)

    if settings.needs_aws:
        # Imported here: botocore costs memory and start-up time that an application with passwords need not pay.
        from app.aws_tokens import AwsTokens  # noqa: PLC0415

        tokens = AwsTokens(region)
    return database_password, cache_credentials
