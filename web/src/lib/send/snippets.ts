import type { Addresses, Protocol, SignalName } from '$lib/status/status';

/** What to copy to send data here, with the real addresses filled in. Only what the server takes today. */

export interface Endpoints {
	/** Base of everything over HTTP, no slash at its end: `http://host:4300`. */
	http: string;
	otlpGrpc: string;
	otlpHttp: string;
	/** Whether the OTLP ports are reached from this machine only. */
	loopback: boolean;
}

export interface Snippet {
	id: string;
	title: string;
	/** A sentence: for whom, and what it does. */
	intro: string;
	/** What to have installed first. */
	needs?: string;
	language: string;
	blocks: { caption?: string; text: string }[];
	/** What arrives by it, to say so once it does. */
	protocol: Protocol;
	signals: SignalName[];
}

/** Hosts that stand for "every address of this machine". */
const WILDCARDS = new Set(['0.0.0.0', '[::]', '::', 'localhost', '']);

/**
 * The addresses as the person at this page reaches them: where the server listens on all addresses, the host is the one
 * that the page itself came from.
 */
export function endpointsOf(
	addresses: Addresses | undefined,
	page: { origin: string; hostname: string },
	base: string
): Endpoints {
	const grpc = reachable(addresses?.otlp_grpc ?? ':4317', page.hostname);
	const http = reachable(addresses?.otlp_http ?? ':4318', page.hostname);
	return {
		http: page.origin + base,
		otlpGrpc: `http://${grpc}`,
		otlpHttp: `http://${http}`,
		loopback: isLoopback(grpc)
	};
}

function reachable(address: string, hostname: string): string {
	const colon = address.lastIndexOf(':');
	const host = address.slice(0, colon);
	return WILDCARDS.has(host) ? hostname + address.slice(colon) : address;
}

function isLoopback(address: string): boolean {
	return /^(?:127\.|localhost:|\[::1\])/.test(address);
}

export function snippetsFor(to: Endpoints): Snippet[] {
	return [...openTelemetry(to), ...logs(to), scraping()];
}

function openTelemetry(to: Endpoints): Snippet[] {
	const all: SignalName[] = ['traces', 'logs', 'metrics'];
	return [
		{
			id: 'otel-grpc',
			title: 'OpenTelemetry SDK over gRPC',
			intro: 'Any language. An application that is instrumented needs only its environment.',
			language: 'sh',
			blocks: [
				{
					text: `export OTEL_EXPORTER_OTLP_ENDPOINT=${to.otlpGrpc}
export OTEL_EXPORTER_OTLP_PROTOCOL=grpc
export OTEL_SERVICE_NAME=my-service`
				}
			],
			protocol: 'otlp_grpc',
			signals: all
		},
		{
			id: 'otel-http',
			title: 'OpenTelemetry SDK over HTTP',
			intro: 'The same where gRPC cannot pass: protobuf or JSON over HTTP.',
			language: 'sh',
			blocks: [
				{
					text: `export OTEL_EXPORTER_OTLP_ENDPOINT=${to.otlpHttp}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=my-service`
				}
			],
			protocol: 'otlp_http',
			signals: all
		},
		{
			id: 'python',
			title: 'Python: traces, logs and metrics',
			intro: 'A whole program: a span, a log record inside it, a counter. All three carry the same task.',
			needs: 'pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http',
			language: 'python',
			blocks: [{ text: python(to.otlpHttp) }],
			protocol: 'otlp_http',
			signals: all
		},
		{
			id: 'collector',
			title: 'OpenTelemetry Collector',
			intro: 'Add the exporter and name it in the pipelines that you have.',
			language: 'yaml',
			blocks: [{ text: collector(to.otlpGrpc) }],
			protocol: 'otlp_grpc',
			signals: all
		}
	];
}

function python(endpoint: string): string {
	return `import logging
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

CLEW = "${endpoint}"
resource = Resource.create({"service.name": "my-service"})
tracing = TracerProvider(resource=resource)
tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{CLEW}/v1/traces")))
trace.set_tracer_provider(tracing)
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{CLEW}/v1/logs")))
logging.getLogger().addHandler(LoggingHandler(logger_provider=logs))
logging.getLogger().setLevel(logging.INFO)
reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{CLEW}/v1/metrics"))
metrics.set_meter_provider(MeterProvider([reader], resource=resource))

tasks = metrics.get_meter("my-service").create_counter("tasks")
with trace.get_tracer("my-service").start_as_current_span("task", attributes={"task_id": "task:001"}):
    logging.info("task done", extra={"task_id": "task:001"})
    tasks.add(1)`;
}

function collector(endpoint: string): string {
	return `exporters:
  otlp/clew:
    endpoint: ${endpoint}
    tls: { insecure: true }

service:
  pipelines:
    traces: { receivers: [otlp], exporters: [otlp/clew] }
    metrics: { receivers: [otlp], exporters: [otlp/clew] }
    logs: { receivers: [otlp], exporters: [otlp/clew] }`;
}

function logs(to: Endpoints): Snippet[] {
	return [
		{
			id: 'json',
			title: 'JSON logs with curl',
			intro:
				'One object, an array, or a line each, of any schema: time, level, message, service and IDs are recognised.',
			language: 'sh',
			blocks: [
				{
					text: `curl ${to.http}/api/v1/logs -H 'Content-Type: application/json' -d '{
  "timestamp": "'$(date -u +%FT%TZ)'", "level": "ERROR", "service": "worker",
  "message": "task failed", "correlation_id": "req-abc123", "context": {"task_id": "task:001"}}'`
				}
			],
			protocol: 'json_logs',
			signals: ['logs']
		},
		{
			id: 'structlog',
			title: 'Python: structlog',
			intro:
				'Keeps the lines on standard output and sends them too. For many lines a second let a Collector read them.',
			needs: 'pip install structlog',
			language: 'python',
			blocks: [{ text: structlog(to.http) }],
			protocol: 'json_logs',
			signals: ['logs']
		}
	];
}

function structlog(http: string): string {
	return `import urllib.request
import structlog

def send(line):
    print(line)
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request("${http}/api/v1/logs", line.encode(), headers)
    urllib.request.urlopen(request, timeout=5).close()

class Clew:
    def msg(self, line):
        send(line)
    debug = info = warning = error = critical = msg

structlog.configure(
    logger_factory=Clew,
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.dict_tracebacks,
        structlog.processors.JSONRenderer(),
    ],
)
structlog.contextvars.bind_contextvars(service="worker", correlation_id="req-abc123")
structlog.get_logger().info("task done", task_id="task:001")`;
}

function scraping(): Snippet {
	return {
		id: 'prometheus',
		title: 'Prometheus targets',
		intro: 'Clew scrapes them itself, from a prometheus.yml as it is. A change is read with POST /-/reload.',
		language: 'yaml',
		blocks: [
			{
				caption: 'prometheus.yml',
				text: `scrape_configs:
  - job_name: node
    scrape_interval: 15s
    static_configs:
      - targets: ['localhost:9100']`
			},
			{ caption: 'clew.yml, for clew serve --config clew.yml', text: 'prometheus: { config_file: prometheus.yml }' }
		],
		protocol: 'scrape',
		signals: ['metrics']
	};
}
