"""Metrics from the OpenTelemetry SDK, every series read back through the Prometheus API."""

import math
import uuid

import pytest
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import sdk

LATENCIES = [0.003, 0.02, 0.02, 0.7, 4.0, 250.0]
SIZES = [1.0, 1.0, 3.0, 17.5, 1024.0, 0.25]


def series(clew, job):
    """All series of a job: values (or native histograms) by name and the labels beside job and instance."""
    found = {}
    for row in clew.query(f'{{job="{job}"}}'):
        labels = dict(row["metric"])
        name = labels.pop("__name__")
        assert (labels.pop("job"), labels.pop("instance")) == (job, "host-1:1")
        key = (name, frozenset(labels.items()))
        assert key not in found
        found[key] = row["histogram"][1] if "histogram" in row else float(row["value"][1])
    return found


def labelled(name, **labels):
    return name, frozenset(labels.items())


def classic_histogram(name, observations, bounds, **labels):
    """The series that Prometheus' data model asks for, computed from the observations."""
    expected = {
        labelled(name + "_sum", **labels): math.fsum(observations),
        labelled(name + "_count", **labels): float(len(observations)),
    }
    for bound in [*bounds, math.inf]:
        text = "+Inf" if bound == math.inf else f"{bound:g}"
        expected[labelled(name + "_bucket", le=text, **labels)] = float(sum(own <= bound for own in observations))
    return expected


def native_buckets(observations, schema):
    """Count by upper bound of the native histogram's buckets: base 2 to the power of 2 to the power of -schema."""
    counts = {}
    for value in observations:
        upper = 2.0 ** (math.ceil(math.log2(value) * 2**schema) / 2**schema)
        counts[upper] = counts.get(upper, 0.0) + 1.0
    return counts


@pytest.mark.parametrize("wire", sdk.WIRES, ids=str)
def test_every_series_is_read_back(clew, wire):
    job = f"metrics-{uuid.uuid4().hex}"
    resource = Resource(
        {"service.name": job, "service.instance.id": "host-1:1", "deployment.environment": "täst", "n": 3}
    )
    views = [View(instrument_name="payload.size", aggregation=ExponentialBucketHistogramAggregation())]
    bounds = [0.005, 0.01, 0.5, 5, 100]
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    with sdk.metering(clew, wire, resource=resource, views=views) as (provider, requests):
        meter = provider.get_meter("agents")
        tasks = meter.create_counter("tasks.dispatched", "1", "Tasks given to workers")
        tasks.add(3, {"agent": "marie", "ok": True})
        tasks.add(2.5, {"agent": "marie", "ok": True})
        tasks.add(1, {"agent": "anga", "odd.key-ü": 'a"b\\c\nd ☂'})
        queue = meter.create_up_down_counter("queue.depth", "{task}")
        queue.add(10)
        queue.add(-13)
        temperature = [Observation(21.5, {"room": "a"}), Observation(-0.5, {"room": "b"})]
        meter.create_observable_gauge("room.temperature", [lambda _: temperature], "Cel")
        meter.create_observable_counter("cpu.time", [lambda _: [Observation(12345678901234)]], "s")
        meter.create_gauge("hit.share", "1").set(0.25)
        latency = meter.create_histogram("task.latency", "s", "How long", explicit_bucket_boundaries_advisory=bounds)
        size = meter.create_histogram("payload.size", "By")
        with tracer.start_as_current_span("traced") as span:
            for value in LATENCIES:
                latency.record(value, {"agent": "fabien"})
            for value in SIZES:
                size.record(value)
        provider.force_flush()
        trace_id = f"{span.get_span_context().trace_id:032x}"

        found = series(clew, job)
        native = found.pop(labelled("payload_size_bytes"))
        expected = {
            labelled("tasks_dispatched_total", agent="marie", ok="true"): 5.5,
            labelled("tasks_dispatched_total", agent="anga", odd_key__='a"b\\c\nd ☂'): 1.0,
            labelled("queue_depth"): -3.0,
            labelled("room_temperature_celsius", room="a"): 21.5,
            labelled("room_temperature_celsius", room="b"): -0.5,
            labelled("cpu_time_seconds_total"): 12345678901234.0,
            labelled("hit_share_ratio"): 0.25,
            labelled("target_info", deployment_environment="täst", n="3"): 1.0,
            **classic_histogram("task_latency_seconds", LATENCIES, bounds, agent="fabien"),
        }
        assert found == pytest.approx(expected, rel=1e-15)
        check_native_histogram(native)
        check_exemplars(clew, job, trace_id, requests)

        tasks.add(1, {"agent": "marie", "ok": True})
        provider.force_flush()
        (row,) = clew.query(f'tasks_dispatched_total{{job="{job}",agent="marie"}}')
        assert float(row["value"][1]) == 6.5
        (row,) = clew.query(f'count_over_time(tasks_dispatched_total{{job="{job}",agent="marie"}}[5m])')
        assert row["value"][1] == "2"


def check_native_histogram(native):
    assert (float(native["count"]), float(native["sum"])) == (len(SIZES), sum(SIZES))
    uppers = {float(upper): float(count) for _, _, upper, count in native["buckets"] if float(count) > 0}
    # The SDK chooses the scale; the buckets tell it, since they are the finest that hold all observations.
    matching = [schema for schema in range(-4, 9) if same_buckets(uppers, native_buckets(SIZES, schema))]
    assert matching, uppers


def same_buckets(left, right):
    pairs = list(zip(sorted(left.items()), sorted(right.items()), strict=False))
    return len(left) == len(right) and all(own == pytest.approx(other, rel=1e-9) for own, other in pairs)


def exemplars_sent(requests):
    """(family, value, time in ms) of every exemplar, told once each."""
    found = set()
    for metric in (m for r in requests for own in r.resource_metrics for s in own.scope_metrics for m in s.metrics):
        data = getattr(metric, metric.WhichOneof("data"))
        for own in (own for point in data.data_points for own in point.exemplars):
            found.add((metric.name, own.as_double, own.time_unix_nano // 1_000_000))
    return found


def check_exemplars(clew, job, trace_id, requests):
    families = {"task_latency_seconds_bucket": "task.latency", "payload_size_bytes": "payload.size"}
    read = set()
    for series in clew.prometheus("query_exemplars", query=f'{{job="{job}"}}'):
        for own in series["exemplars"]:
            assert own["labels"]["trace_id"] == trace_id
            name = families[series["seriesLabels"]["__name__"]]
            read.add((name, float(own["value"]), round(own["timestamp"] * 1_000)))
    assert read == exemplars_sent(requests)
    story = clew.correlate(trace_id)
    assert story["counts"]["exemplars"] == len(read)
    assert sorted(float(event["exemplar"]["value"]) for event in story["timeline"]) == sorted(v for _, v, _ in read)


def test_metadata_tells_type_unit_and_help(clew):
    name = f"meta.{uuid.uuid4().hex[:8]}"
    family = name.replace(".", "_") + "_seconds"
    with sdk.metering(clew, sdk.Wire(sdk.GRPC), resource=Resource({"service.name": "meta"})) as (provider, _):
        provider.get_meter("m").create_histogram(name, "s", 'How "long" it\ntook').record(1)
        provider.force_flush()
    told = clew.prometheus("metadata", metric=family)
    assert told == {family: [{"type": "histogram", "help": 'How "long" it\ntook', "unit": "seconds"}]}


def test_delta_temporality_is_refused_with_the_remedy(clew):
    """A partial success: the SDK logs it; nothing is stored, nothing is lost in silence."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
        ExportMetricsServiceResponse,
    )
    from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="delta.counter")
    metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    metric.sum.is_monotonic = True
    metric.sum.data_points.add(as_int=1, time_unix_nano=1)
    headers = {"Content-Type": "application/x-protobuf"}
    response = clew.request("POST", "/v1/metrics", data=request.SerializeToString(), headers=headers)
    assert response.status_code == 200
    answer = ExportMetricsServiceResponse.FromString(response.content)
    assert answer.partial_success.rejected_data_points == 1
    assert "cumulative" in answer.partial_success.error_message.lower()
