"""Tenants: who writes and reads as whom, what is refused, what each may use; with real clients."""

import contextlib
import hashlib
import json
import subprocess
import time

import grpc
import pytest
import requests
from google.rpc import error_details_pb2, status_pb2
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import clew_server
from test_log_tail import Tail

ORG = "X-Scope-OrgID"


def org(tenant):
    return {ORG: tenant}


def get(clew, path, tenant=None, status=200, headers=None, **params):
    headers = (headers or {}) | (org(tenant) if tenant is not None else {})
    answer = requests.get(clew.url(path), params=params, headers=headers, timeout=20)
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:500]}"
    return answer.json() if answer.headers.get("Content-Type", "").startswith("application/json") else answer.text


def send(clew, tenant, records, headers=None):
    body = "\n".join(json.dumps(record) for record in records)
    headers = clew_server.NDJSON | (org(tenant) if tenant is not None else {}) | (headers or {})
    return requests.post(clew.url("/api/v1/logs"), data=body.encode(), headers=headers, timeout=20)


def messages(clew, tenant, headers=None):
    return sorted(row["message"] for row in get(clew, "/api/v1/logs", tenant, headers=headers, limit=1000)["logs"])


def error(answer):
    return answer.json()["error"]


@contextlib.contextmanager
def the_sdk(clew, tenant, protocol):
    """Providers of the OpenTelemetry SDK that send as a tenant: traces by `protocol`, logs and metrics over HTTP."""
    resource = Resource.create({"service.name": "shop"})
    tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
    if protocol == "grpc":
        metadata = ((ORG.lower(), tenant),)
        exporter = GrpcExporter(f"http://127.0.0.1:{clew.grpc}", insecure=True, headers=metadata)
    else:
        exporter = HttpExporter(f"http://127.0.0.1:{clew.otlp}/v1/traces", headers=org(tenant))
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
    log_exporter = OTLPLogExporter(f"http://127.0.0.1:{clew.otlp}/v1/logs", headers=org(tenant))
    logs.add_log_record_processor(SimpleLogRecordProcessor(log_exporter))
    metric_exporter = OTLPMetricExporter(f"http://127.0.0.1:{clew.otlp}/v1/metrics", headers=org(tenant))
    reader = PeriodicExportingMetricReader(metric_exporter, export_interval_millis=3_600_000)
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    yield tracing.get_tracer("t"), logs.get_logger("t"), meters.get_meter("t")
    meters.force_flush()
    for provider in (tracing, logs, meters):
        provider.shutdown()


def test_while_off_the_header_is_not_looked_at(new_clew):
    clew = new_clew().start()
    for tenant, message in [("a", "one"), ("a|b", "two"), (None, "three")]:
        assert send(clew, tenant, [{"message": message}]).status_code == 200
    assert messages(clew, "whichever") == messages(clew, None) == ["one", "three", "two"]
    assert "tenant" not in get(clew, "/api/v1/status") and "tenants" not in get(clew, "/api/v1/session")
    # What was there before belongs to `default`.
    clew.stop()
    clew.configure("tenants: { mode: on }\n")
    clew.start()
    assert messages(clew, "default") == ["one", "three", "two"] and messages(clew, "a") == []
    clew.stop()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_what_two_tenants_send_with_the_sdk_each_reads_alone(new_clew, protocol):
    clew = new_clew("tenants: { mode: on }\n").start()
    traces = {}
    for tenant in ("team-a", "team-b"):
        with the_sdk(clew, tenant, protocol) as (tracer, logger, meter):
            with tracer.start_as_current_span(f"work of {tenant}") as span:
                traces[tenant] = f"{span.get_span_context().trace_id:032x}"
                logger.emit(
                    timestamp=time.time_ns(), severity_number=SeverityNumber.INFO, body=f"log of {tenant}",
                    attributes={"session_id": "same-session-of-both", "whose": tenant},
                )
                meter.create_counter("orders", "1").add(1 if tenant == "team-a" else 2, {"whose": tenant})

    def check():
        for tenant, other in [("team-a", "team-b"), ("team-b", "team-a")]:
            assert messages(clew, tenant) == [f"log of {tenant}"]
            found = get(clew, "/api/v1/traces", tenant)
            assert [trace["trace_id"] for trace in found["traces"]] == [traces[tenant]]
            get(clew, f"/api/v1/traces/{traces[other]}", tenant, status=404)
            series = get(clew, "/prometheus/api/v1/query", tenant, query='{__name__=~"orders.*"}')["data"]["result"]
            assert [one["metric"]["whose"] for one in series] == [tenant]
            story = json.dumps(get(clew, "/api/v1/correlate/same-session-of-both", tenant))
            assert f"log of {tenant}" in story and other not in story
            values = get(clew, "/prometheus/api/v1/label/whose/values", tenant)["data"]
            assert values == [tenant]
            services = get(clew, "/api/v1/services", tenant)
            assert other not in json.dumps(services) and "shop" in json.dumps(services)

    check()
    clew.restart()
    check()
    clew.stop()


def test_names_that_are_missing_wrong_or_several_are_refused(new_clew):
    clew = new_clew("tenants: { mode: on }\n").start()
    for tenant, status, part in [
        (None, 401, "no org id"), ("", 401, "no org id"), ("a|b", 400, "names several tenants"),
        ("../b", 400, "is no tenant"), ("x" * 65, 400, "1 to 64"),
    ]:
        for answer in (send(clew, tenant, [{"message": "m"}]), requests.get(
            clew.url("/api/v1/logs"), headers=org(tenant) if tenant is not None else {}, timeout=20
        )):
            assert answer.status_code == status and part in error(answer)["message"], answer.text
    stub_call(clew, None, grpc.StatusCode.UNAUTHENTICATED)
    stub_call(clew, "a|b", grpc.StatusCode.INVALID_ARGUMENT)
    assert stub_call(clew, "a", grpc.StatusCode.OK) is not None
    # The page is shown a tenant in any case; a cookie chooses.
    browser = {"Sec-Fetch-Site": "same-origin"}
    assert get(clew, "/api/v1/status", headers=browser)["tenant"] == "default"
    assert get(clew, "/api/v1/status", headers=browser | {"Cookie": "clew_tenant=a"})["tenant"] == "a"
    assert get(clew, "/api/v1/status", tenant="b", headers=browser | {"Cookie": "clew_tenant=a"})["tenant"] == "b"
    # Probes and the server's own metrics need none; who names a tenant sees nothing of the whole server.
    assert requests.get(clew.url("/metrics"), timeout=20).status_code == 200
    for path in ("/metrics", "/api/v1/tenants", "/api/v1/users", "/api/v1/audit"):
        assert requests.get(clew.url(path), headers=org("a"), timeout=20).status_code == 403, path
    assert requests.post(clew.url("/-/reload"), headers=org("a"), timeout=20).status_code == 403
    # What has no records makes no tenant, and no answer is kept for others.
    known = [tenant["name"] for tenant in get(clew, "/api/v1/tenants")["tenants"]]
    for path in ("/v1/logs", "/v1/traces", "/v1/metrics"):
        assert requests.post(clew.url(path), json={}, headers=org("nobody"), timeout=20).status_code == 200
    assert [tenant["name"] for tenant in get(clew, "/api/v1/tenants")["tenants"]] == known
    assert requests.get(clew.url("/api/v1/logs"), headers=org("a"), timeout=20).headers["Cache-Control"] == "no-store"
    clew.stop()
    clew.configure("tenants: { mode: on, missing: default }\n")
    clew.start()
    assert send(clew, None, [{"message": "m"}]).status_code == 200 and messages(clew, "default") == ["m"]
    clew.stop()


def stub_call(clew, tenant, code, request=None):
    """Exports logs over gRPC as a tenant; the answer or the error."""
    request = request or logs_service_pb2.ExportLogsServiceRequest()
    with grpc.insecure_channel(f"127.0.0.1:{clew.grpc}") as channel:
        stub = logs_service_pb2_grpc.LogsServiceStub(channel)
        metadata = ((ORG.lower(), tenant),) if tenant is not None else ()
        try:
            answer = stub.Export(request, metadata=metadata, timeout=20)
            assert code == grpc.StatusCode.OK
            return answer
        except grpc.RpcError as refused:
            assert refused.code() == code, refused
            return refused


def digest(token):
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_tokens_open_their_tenants_and_no_others(new_clew):
    every = "[ingest, read, admin]"
    clew = new_clew(
        "tenants: { mode: on }\nauth:\n  mode: token\n  tokens:\n"
        f"    - {{ name: a, digest: '{digest('a')}', scopes: {every}, tenants: [a] }}\n"
        f"    - {{ name: both, digest: '{digest('both')}', scopes: {every}, tenants: [a, b] }}\n"
        f"    - {{ name: all, digest: '{digest('all')}', scopes: {every}, tenants: ['*'] }}\n"
        f"    - {{ name: old, digest: '{digest('old')}', scopes: {every} }}\n"
    ).start()
    assert send(clew, None, [{"message": "of a"}], bearer("a")).status_code == 200
    assert send(clew, "b", [{"message": "of b"}], bearer("both")).status_code == 200
    assert send(clew, None, [{"message": "old"}], bearer("old")).status_code == 200
    refused = send(clew, "b", [{"message": "no"}], bearer("a"))
    assert refused.status_code == 403
    assert 'token:a may not use the tenant "b"; it may use a' in error(refused)["message"]
    assert send(clew, None, [{"message": "no"}], bearer("both")).status_code == 401
    assert messages(clew, None, headers=bearer("a")) == ["of a"] == messages(clew, "a", headers=bearer("all"))
    assert messages(clew, "b", headers=bearer("all")) == ["of b"]
    assert messages(clew, "default", headers=bearer("all")) == ["old"]
    # An admin of one tenant is none of the server.
    for method, path in [
        ("GET", "/api/v1/users"), ("GET", "/api/v1/audit"), ("GET", "/api/v1/tokens"), ("POST", "/-/reload"),
        ("GET", "/metrics"), ("GET", "/api/v1/tenants"), ("POST", "/-/trust-clock"),
    ]:
        asked = [requests.request(method, clew.url(path), headers=bearer(t), timeout=20) for t in ("a", "both", "old")]
        assert [answer.status_code for answer in asked] == [403] * 3, path
        assert requests.request(method, clew.url(path), headers=bearer("all"), timeout=20).status_code == 200, path
    status = get(clew, "/api/v1/status", headers=bearer("a"))
    assert status["tenant"] == "a" and status["signals"][0]["accepted"] == 1 and status["data_dir"] == ""
    tenants = {one["name"]: one for one in get(clew, "/api/v1/tenants", headers=bearer("all"))["tenants"]}
    assert set(tenants) == {"a", "b", "default"} and tenants["b"]["signals"][0]["hot_records"] == 1
    # Made over the API and by command; taken away at once.
    made = requests.post(
        clew.url("/api/v1/tokens"), headers=bearer("all"),
        json={"name": "c", "scopes": ["ingest", "read"], "tenants": ["c"]}, timeout=20,
    )
    assert made.status_code == 201
    token = made.json()["token"]
    assert send(clew, None, [{"message": "of c"}], bearer(token)).status_code == 200
    with Tail(clew, headers=bearer(token)) as tail:
        assert tail.event()[0] == "ready"
        assert send(clew, "a", [{"message": "of a too"}], bearer("all")).status_code == 200
        assert send(clew, "c", [{"message": "c again"}], bearer("all")).status_code == 200
        rows, dropped = tail.rows(1)
        assert [row["message"] for row in rows] == ["c again"] and not dropped
    shown = {one["name"]: one["tenants"] for one in get(clew, "/api/v1/tokens", headers=bearer("all"))["tokens"]}
    assert shown == {"a": ["a"], "all": ["*"], "both": ["a", "b"], "c": ["c"], "old": ["default"]}
    wrong = requests.post(
        clew.url("/api/v1/tokens"), headers=bearer("all"),
        json={"name": "d", "scopes": ["read"], "tenants": ["a|b"]}, timeout=20,
    )
    assert wrong.status_code == 400 and "is no tenant" in wrong.text
    clew.restart()
    assert messages(clew, None, headers=bearer(token)) == ["c again", "of c"]
    clew.stop()


LIMITED = """
tenants:
  mode: on
  max: 6
  limits: { ingest_records: 20, ingest_records_burst: 20, series: 10, streams: 3, queries: 4, query_memory: 1MiB }
  overrides:
    large: { ingest_records: unlimited, series: unlimited, streams: unlimited, ingest_bytes: 2KiB, ingest_bytes_burst: 4KiB }
"""


def refusal(answer, *parts):
    """Checks that a tenant's limit refused something; seconds after which to come back."""
    assert answer.status_code == 429, answer.text
    for part in parts:
        assert part in answer.text, answer.text
    return int(answer.headers["Retry-After"])


def samples(names, label="n"):
    request = metrics_service_pb2.ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    for name in names:
        point = metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_double=1)
        point.attributes.add(key=label).value.string_value = str(name)
    return request.SerializeToString()


def send_samples(clew, tenant, names):
    headers = {"Content-Type": "application/x-protobuf"} | org(tenant)
    return requests.post(clew.url("/v1/metrics"), data=samples(names), headers=headers, timeout=20)


def refused_count(clew, tenant, reason):
    own = clew.own_metrics()
    return sum(
        value for (name, labels), value in own.items()
        if name == "clew_tenant_refused_total" and {("tenant", tenant), ("reason", reason)} <= labels
    )


def test_each_may_use_so_much_and_what_one_uses_is_not_anothers(new_clew):
    clew = new_clew(LIMITED).start()
    # Records.
    records = [{"message": f"m {n}"} for n in range(20)]
    assert send(clew, "a", records).status_code == 200
    answer = send(clew, "a", records[:10])
    seconds = refusal(answer, 'tenant \\"a\\"', "20 records a second", "tenants.limits.ingest_records", "while 10 were")
    assert 1 <= seconds <= 2
    assert send(clew, "b", records).status_code == 200, "what a uses is not b's"
    assert refused_count(clew, "a", "ingest_records") == 10 and refused_count(clew, "b", "ingest_records") == 0
    time.sleep(seconds)
    assert send(clew, "a", records[:10]).status_code == 200, "whoever waits as told is let in"
    # gRPC says when to come back in its own words.
    request = logs_service_pb2.ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for n in range(20):
        scope.log_records.add(time_unix_nano=time.time_ns()).body.string_value = f"g {n}"
    # What is refused by itself, since it is of tomorrow, was not written and is not charged.
    tomorrow = logs_service_pb2.ExportLogsServiceRequest()
    tomorrow.CopyFrom(request)
    for record in tomorrow.resource_logs[0].scope_logs[0].log_records:
        record.time_unix_nano += 86_400 * 10**9
    stub_call(clew, "c", grpc.StatusCode.OK, tomorrow)
    stub_call(clew, "c", grpc.StatusCode.OK, request)
    refused = stub_call(clew, "c", grpc.StatusCode.RESOURCE_EXHAUSTED, request)
    assert "tenants.limits.ingest_records" in refused.details()
    details = dict(refused.trailing_metadata())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(details)
    retry = error_details_pb2.RetryInfo()
    assert status.code == 8 and status.details[0].Unpack(retry) and retry.retry_delay.seconds >= 1
    # Bytes, decompressed; records are unlimited there.
    assert send(clew, "large", [{"message": "x" * 3_900}]).status_code == 200
    refusal(send(clew, "large", [{"message": "x" * 3_900}]), "2048 bytes a second", "tenants.limits.ingest_bytes")
    assert refused_count(clew, "large", "ingest_bytes") == 1
    clew.stop()


def test_series_and_streams_are_bounded_and_those_that_are_known_go_on(new_clew):
    clew = new_clew(LIMITED.replace("ingest_records: 20, ingest_records_burst: 20, ", "")).start()
    assert send_samples(clew, "a", range(10)).status_code == 200
    answer = send_samples(clew, "a", [0, 1, 99])
    assert answer.status_code == 200, "some of them are taken"
    response = metrics_service_pb2.ExportMetricsServiceResponse.FromString(answer.content)
    assert response.partial_success.rejected_data_points == 1
    assert 'limit of 10 active series of tenant "a" (tenants.limits.series)' in response.partial_success.error_message
    answer = send_samples(clew, "a", [97, 98])
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
    assert send_samples(clew, "b", range(10)).status_code == 200
    assert send_samples(clew, "large", range(500)).status_code == 200
    assert refused_count(clew, "a", "series") == 3
    for n in range(3):
        assert send(clew, "a", [{"message": "m", "service": f"s{n}"}]).status_code == 200
    answer = send(clew, "a", [{"message": "m", "service": "s0"}, {"message": "m", "service": "new"}])
    assert answer.status_code == 200 and answer.json()["rejected"] == 1
    assert "(tenants.limits.streams)" in answer.json()["errors"][0]["reason"]
    refusal(send(clew, "a", [{"message": "m", "service": "new"}]), "limit of 3 streams", "tenants.limits.streams")
    assert send(clew, "b", [{"message": "m", "service": "new"}]).status_code == 200
    own = clew.own_metrics()
    of_a = {name: value for (name, labels), value in own.items() if ("tenant", "a") in labels and "signal" not in dict(labels)}
    assert of_a["clew_tenant_active_series"] == 10 and of_a["clew_tenant_log_streams"] == 3
    # No more than so many tenants; who is known goes on.
    for n in range(2):
        assert send(clew, f"more-{n}", [{"message": "m"}]).status_code == 200
    answer = send(clew, "one-too-many", [{"message": "m"}])
    assert answer.status_code == 422 and '\\"one-too-many\\"' in answer.text and "6 (tenants.max)" in answer.text
    assert send(clew, "b", [{"message": "m", "service": "new"}]).status_code == 200
    assert own[("clew_tenants", frozenset())] >= 4
    assert refused_count(clew, "(unknown)", "tenants") >= 1
    # After a restart those that have something are known.
    clew.restart()
    assert send(clew, "one-too-many", [{"message": "m"}]).status_code == 422
    assert send(clew, "more-1", [{"message": "m"}]).status_code == 200
    # A reload changes the limits, from the next request on.
    clew.configure(LIMITED.replace("streams: 3", "streams: 100").replace("max: 6", "max: 6"))
    assert requests.post(clew.url("/-/reload"), timeout=20).status_code == 200
    for n in range(10):
        assert send(clew, "a", [{"message": "m", "service": f"t{n}"}]).status_code == 200
    clew.stop()


def test_queries_have_a_share_of_their_tenant_alone(new_clew):
    clew = new_clew(LIMITED.replace("query_memory: 1MiB", "query_memory: 512KiB")).start()
    for turn in range(40):
        assert send_samples(clew, "large", range(500)).status_code in (200, 429)
        time.sleep(0.01)
    ask = {"query": "m * 2", "start": time.time() - 3_000, "end": time.time(), "step": 1}
    answer = requests.get(
        clew.url("/prometheus/api/v1/query_range"), params=ask, headers=org("large"), timeout=60
    )
    assert answer.status_code == 429, answer.text[:300]
    assert 'tenant \\"large\\" (tenants.limits.query_memory), 524288 bytes' in answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert refused_count(clew, "large", "query_memory") >= 1
    get(clew, "/prometheus/api/v1/query", "large", query="1")
    get(clew, "/prometheus/api/v1/query", "a", query="1")
    own = clew.own_metrics()
    for name in ["clew_tenant_queries_total", "clew_tenant_records_accepted_total", "clew_tenant_ingest_bytes_total"]:
        moved = [value for (own_name, labels), value in own.items() if own_name == name and ("tenant", "large") in labels]
        assert max(moved) > 0, name
    clew.stop()


def test_the_command_asks_as_a_tenant(new_clew):
    clew = new_clew("tenants: { mode: on }\n").start()
    assert send(clew, "a", [{"message": "of a"}]).status_code == 200

    def query(*arguments, **environment):
        command = [clew_server.binary(), "query", "logs", "--server", clew.url(""), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)

    assert "of a" in query("--tenant", "a").stdout and "of a" in query(CLEW_TENANT="a").stdout
    assert "of a" not in query("--tenant", "b").stdout
    missing = query()
    assert missing.returncode == 1 and "no org id" in missing.stderr and "--tenant" in missing.stderr
    clew.stop()


def test_cursors_and_ids_of_another_lead_nowhere(new_clew):
    clew = new_clew("tenants: { mode: on }\n").start()
    assert send(clew, "a", [{"message": f"of a {n}"} for n in range(5)]).status_code == 200
    assert send(clew, "b", [{"message": f"of b {n}"} for n in range(5)]).status_code == 200
    page = get(clew, "/api/v1/logs", "a", limit=2)
    for row in page["logs"]:
        answer = requests.get(clew.url(f"/api/v1/logs/{row['id']}/context"), headers=org("b"), timeout=20)
        assert "of a" not in answer.text
    of_b = get(clew, "/api/v1/logs", "b", limit=10, cursor=page["next_cursor"])
    assert all(row["message"].startswith("of b") for row in of_b["logs"])
    found = json.dumps(get(clew, "/api/v1/resolve", "b", id=page["logs"][0]["id"]))
    assert "of a" not in found and '"tenant"' not in found
    clew.stop()


def test_one_tenant_leaves_live_tails_to_others(new_clew):
    clew = new_clew("tenants: { mode: on }\n").start()
    assert send(clew, "a", [{"message": "known"}]).status_code == 200
    with contextlib.ExitStack() as open_tails:
        for _ in range(16):
            open_tails.enter_context(Tail(clew, headers=org("a")))
        refused = requests.get(clew.url("/api/v1/logs/tail"), headers=org("a"), stream=True, timeout=20)
        refusal(refused, "16 tails are open")
        assert refused_count(clew, "a", "tails") == 1
        with Tail(clew, headers=org("b")) as tail:
            assert tail.event()[0] == "ready"
            assert send(clew, "a", [{"message": "of a"}]).status_code == 200
            assert send(clew, "b", [{"message": "of b"}]).status_code == 200
            rows, dropped = tail.rows(1)
            assert [row["message"] for row in rows] == ["of b"] and not dropped
    clew.stop()
