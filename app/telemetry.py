"""Traces and error tracking, where they are asked for; elsewhere nothing of them is imported."""

import asyncio
from collections.abc import Callable

from fastapi import FastAPI

from app.settings import Settings


class Telemetry:
    """What was started, so that it can be stopped. Made before the first connection: libraries are watched from then on."""

    def __init__(self, settings: Settings) -> None:
        self._middlewares: list[Callable[[FastAPI], None]] = []
        self._stops: list[Callable[[], None]] = []
        if settings.sentry_dsn_file is not None:
            from app import error_tracking  # noqa: PLC0415

            error_tracking.start(settings.sentry_dsn_file, settings.sentry_environment)
            self._middlewares.append(lambda app: app.add_middleware(error_tracking.ErrorTracking))
            self._stops.append(error_tracking.stop)
        if settings.otel_exporter_otlp_endpoint is not None:
            from app import tracing  # noqa: PLC0415

            provider = tracing.start(settings.otel_exporter_otlp_endpoint, settings.otel_traces_sampler_arg)
            self._middlewares.append(lambda app: app.add_middleware(tracing.RequestTrace, provider=provider))
            self._stops.append(lambda: tracing.stop(provider))

    def install(self, application: FastAPI) -> None:
        """Add the middlewares, within those that are added later."""
        for add in self._middlewares:
            add(application)

    async def stop(self) -> None:
        """Send what is left, and end."""
        for end in self._stops:
            await asyncio.to_thread(end)
