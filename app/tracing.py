"""Traces: one span for a request, and beneath it those of the database and the cache; sent by OTLP over HTTP.

Imported only where an endpoint is set. A span tells method, route and status, and SQL with placeholders: never an address, a
path, a query, a header or a value.
"""

from collections.abc import Sequence

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, TraceState, format_trace_id
from opentelemetry.util.types import Attributes
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import NAME, __version__
from app.logs import PROBES
from app.metrics import METHODS, route_of

EXPORT_SECONDS = 2.0  # a collector that is away keeps nobody, the stopping process included


class _Requests(Sampler):
    """A share of the requests, by their trace id, and nothing that happens outside of one, as the watch over dependencies."""

    def __init__(self, ratio: float) -> None:
        self._share = TraceIdRatioBased(ratio)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Whether the span that begins is kept."""
        if kind != SpanKind.SERVER:
            return SamplingResult(Decision.DROP)
        return self._share.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """For people."""
        return f"Requests{{{self._share.get_description()}}}"


def start(endpoint: str, ratio: float) -> TracerProvider:
    """Follow this share of the requests from now on, and their calls of database and cache. Connects to nothing yet."""
    share = _Requests(ratio)
    provider = TracerProvider(
        # A caller's own decision counts only where it is ours too: clients of the public entry could send any header.
        # Services with the same ratio decide alike, since they decide by the same trace id.
        sampler=ParentBased(root=share, remote_parent_sampled=share),
        resource=Resource.create({"service.name": NAME, "service.version": __version__}),
        shutdown_on_exit=False,  # the lifespan does it
    )
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    PsycopgInstrumentor().instrument(tracer_provider=provider)
    RedisInstrumentor().instrument(tracer_provider=provider)
    return provider


def stop(provider: TracerProvider) -> None:
    """Send what is left, for a few seconds at most."""
    provider.shutdown()


class RequestTrace:
    """Pure ASGI middleware: a span for each request, and its trace id for the request's log line."""

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        self._app = app
        self._tracer = provider.get_tracer(NAME, __version__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request within a span."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name in _CONTEXT}
        with self._tracer.start_as_current_span(
            method,
            context=propagate.extract(sent),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False,  # its message may quote what was sent
            set_status_on_exception=False,
        ) as span:
            if span.is_recording():
                scope.setdefault("state", {})["trace_id"] = format_trace_id(span.get_span_context().trace_id)
            try:
                await self._app(scope, receive, noting)
            except Exception as error:
                span.set_attribute("error.type", type(error).__qualname__)
                raise
            finally:
                route = route_of(scope)
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)
                if status >= 500:
                    span.set_status(Status(StatusCode.ERROR))


_CONTEXT = (b"traceparent", b"tracestate")
"""W3C's headers; baggage, which may hold anything, is not taken."""
