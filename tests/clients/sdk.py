"""The OpenTelemetry SDK for Python as its users set it up, with a record of every request that it sent."""

import contextlib
import dataclasses

import grpc
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

GRPC, HTTP = "grpc", "http"


@dataclasses.dataclass(frozen=True)
class Wire:
    """How the SDK reaches Clew."""

    protocol: str
    compression: str = "none"
    # OTLP/HTTP is also served on the port of everything else.
    main_port: bool = False

    def __str__(self):
        return f"{self.protocol}-{self.compression}" + ("-main-port" if self.main_port else "")

    def exporter(self, clew, signal):
        """The stock exporter for a signal (`traces`, `logs`, `metrics`)."""
        if self.protocol == GRPC:
            compression = {"none": grpc.Compression.NoCompression, "gzip": grpc.Compression.Gzip}[self.compression]
            kinds = {"traces": GrpcSpanExporter, "logs": GrpcLogExporter, "metrics": GrpcMetricExporter}
            return kinds[signal](f"http://127.0.0.1:{clew.grpc}", insecure=True, compression=compression)
        kinds = {"traces": HttpSpanExporter, "logs": HttpLogExporter, "metrics": HttpMetricExporter}
        port = clew.http if self.main_port else clew.otlp
        compression = Compression(self.compression)
        return kinds[signal](f"http://127.0.0.1:{port}/v1/{signal}", compression=compression)


WIRES = [
    Wire(GRPC),
    Wire(GRPC, "gzip"),
    Wire(HTTP),
    Wire(HTTP, "gzip"),
    Wire(HTTP, "deflate", main_port=True),
]

ENCODERS = {"traces": encode_spans, "logs": encode_logs, "metrics": encode_metrics}


def recorded(exporter, signal):
    """The exporter, and the list to which each request that it exports is added; a failed export fails the test."""
    requests, export = [], exporter.export

    def record_and_export(batch, *arguments, **options):
        requests.append(ENCODERS[signal](batch))
        result = export(batch, *arguments, **options)
        assert result.name == "SUCCESS", f"the export of {signal} failed"
        return result

    exporter.export = record_and_export
    return exporter, requests


@contextlib.contextmanager
def tracing(clew, wire, **options):
    """A tracer provider, and the requests that it has sent."""
    exporter, requests = recorded(wire.exporter(clew, "traces"), "traces")
    provider = TracerProvider(shutdown_on_exit=False, **options)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    yield provider, requests
    provider.shutdown()


@contextlib.contextmanager
def logging_to(clew, wire, **options):
    """A logger provider, and the requests that it has sent."""
    exporter, requests = recorded(wire.exporter(clew, "logs"), "logs")
    provider = LoggerProvider(shutdown_on_exit=False, **options)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    yield provider, requests
    provider.shutdown()


@contextlib.contextmanager
def metering(clew, wire, **options):
    """A meter provider that exports when it is flushed, and the requests that it has sent."""
    exporter, requests = recorded(wire.exporter(clew, "metrics"), "metrics")
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], shutdown_on_exit=False, **options)
    yield provider, requests
    provider.shutdown()
