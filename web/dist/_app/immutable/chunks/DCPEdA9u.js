import{I as e,N as t,P as n,Z as r,a as i,at as a,h as o,it as s,j as c,nt as l,wt as u}from"./B-ZVOleU.js";import"./xihTtKlq.js";import{t as d}from"./BMujNRQB.js";var f=e(`<figcaption class="faint svelte-sbuzvp"> </figcaption>`),p=e(`<figure class="code svelte-sbuzvp"><!> <div class="copy svelte-sbuzvp"><!></div> <pre tabindex="0" role="group" class="svelte-sbuzvp"><code> </code></pre></figure>`);function m(e,m){let h=i(m,`caption`,3,``);var g=p(),_=l(g),v=e=>{var i=f(),a=s(i,!0);r(()=>t(a,h())),n(e,i)};c(_,e=>{h()&&e(v)});var y=a(_,2),b=l(y);d(b,{get text(){return m.text},get label(){return m.label}}),u(y);var x=a(y,2),S=l(x),C=s(S,!0);u(x),u(g),r(()=>{o(x,`aria-label`,h()||m.label),t(C,m.text)}),n(e,g)}var h=new Set([`0.0.0.0`,`[::]`,`::`,`localhost`,``]);function g(e,t,n){let r=_(e?.otlp_grpc??`:4317`,t.hostname),i=_(e?.otlp_http??`:4318`,t.hostname);return{http:t.origin+n,otlpGrpc:`http://${r}`,otlpHttp:`http://${i}`,loopback:v(r)}}function _(e,t){let n=e.lastIndexOf(`:`),r=e.slice(0,n);return h.has(r)?t+e.slice(n):e}function v(e){return/^(?:127\.|localhost:|\[::1\])/.test(e)}function y(e){return[...b(e),...C(e),T()]}function b(e){let t=[`traces`,`logs`,`metrics`];return[{id:`otel-grpc`,title:`OpenTelemetry SDK over gRPC`,intro:`Any language. An application that is instrumented needs only its environment.`,language:`sh`,blocks:[{text:`export OTEL_EXPORTER_OTLP_ENDPOINT=${e.otlpGrpc}
export OTEL_EXPORTER_OTLP_PROTOCOL=grpc
export OTEL_SERVICE_NAME=my-service`}],protocol:`otlp_grpc`,signals:t},{id:`otel-http`,title:`OpenTelemetry SDK over HTTP`,intro:`The same where gRPC cannot pass: protobuf or JSON over HTTP.`,language:`sh`,blocks:[{text:`export OTEL_EXPORTER_OTLP_ENDPOINT=${e.otlpHttp}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=my-service`}],protocol:`otlp_http`,signals:t},{id:`python`,title:`Python: traces, logs and metrics`,intro:`A whole program: a span, a log record inside it, a counter. All three carry the same task.`,needs:`pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http`,language:`python`,blocks:[{text:x(e.otlpHttp)}],protocol:`otlp_http`,signals:t},{id:`collector`,title:`OpenTelemetry Collector`,intro:`Add the exporter and name it in the pipelines that you have.`,language:`yaml`,blocks:[{text:S(e.otlpGrpc)}],protocol:`otlp_grpc`,signals:t}]}function x(e){return`import logging
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

CLEW = "${e}"
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
    tasks.add(1)`}function S(e){return`exporters:
  otlp/clew:
    endpoint: ${e}
    tls: { insecure: true }

service:
  pipelines:
    traces: { receivers: [otlp], exporters: [otlp/clew] }
    metrics: { receivers: [otlp], exporters: [otlp/clew] }
    logs: { receivers: [otlp], exporters: [otlp/clew] }`}function C(e){return[{id:`json`,title:`JSON logs with curl`,intro:`One object, an array, or a line each, of any schema: time, level, message, service and IDs are recognised.`,language:`sh`,blocks:[{text:`curl ${e.http}/api/v1/logs -H 'Content-Type: application/json' -d '{
  "timestamp": "'$(date -u +%FT%TZ)'", "level": "ERROR", "service": "worker",
  "message": "task failed", "correlation_id": "req-abc123", "context": {"task_id": "task:001"}}'`}],protocol:`json_logs`,signals:[`logs`]},{id:`structlog`,title:`Python: structlog`,intro:`Keeps the lines on standard output and sends them too. For many lines a second let a Collector read them.`,needs:`pip install structlog`,language:`python`,blocks:[{text:w(e.http)}],protocol:`json_logs`,signals:[`logs`]}]}function w(e){return`import urllib.request
import structlog

def send(line):
    print(line)
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request("${e}/api/v1/logs", line.encode(), headers)
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
structlog.get_logger().info("task done", task_id="task:001")`}function T(){return{id:`prometheus`,title:`Prometheus targets`,intro:`Clew scrapes them itself, from a prometheus.yml as it is. A change is read with POST /-/reload.`,language:`yaml`,blocks:[{caption:`prometheus.yml`,text:`scrape_configs:
  - job_name: node
    scrape_interval: 15s
    static_configs:
      - targets: ['localhost:9100']`},{caption:`clew.yml, for clew serve --config clew.yml`,text:`prometheus: { config_file: prometheus.yml }`}],protocol:`scrape`,signals:[`metrics`]}}export{y as n,m as r,g as t};