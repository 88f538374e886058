"""The same samples, to the bit, in Clew and in Debian's Prometheus: the same expressions must have the same values."""

import math
import random
import subprocess
import time

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

import peers
from clew_server import Clew

SEED = 20251130
STEP = 15_000
COUNT = 240
BOUNDS = [0.1, 0.5, 1.0, 5.0]
# An hour that ends some minutes ago.
END = (int(time.time()) - 600) // 60 * 60_000
# Prometheus 3, which Clew follows, leaves out a sample on the left edge of a window, and the peer is Prometheus 2: so
# all samples have even milliseconds and all questions odd ones, and no sample is on an edge.
AT = 0.501
TIMES = [END - (COUNT - 1 - n) * STEP for n in range(COUNT)]


def generate():
    """(name, labels, kind, [(time in ms, value)]): counters with resets and gaps, gauges with odd values."""
    dice = random.Random(SEED)
    rows = []
    for instance in ("a:1", "b:1", "c:2"):
        for code in ("200", "404", "500"):
            total, samples = 1e6, []
            for moment in TIMES:
                # A reset. Counters stay far from zero, near which the two versions extrapolate differently.
                total = total / 2 if dice.random() < 0.01 else total + dice.choice([0, 1, 2.5, 40])
                if dice.random() > 0.05:
                    samples.append((moment, total))
            rows.append(("http_requests_total", {"instance": instance, "code": code}, "counter", samples))
        walk, samples = 0.0, []
        for number, moment in enumerate(TIMES):
            walk += dice.gauss(0, 1)
            gap = instance == "b:1" and 80 <= number < 140
            if not gap:
                samples.append((moment + 2 * dice.randint(-1_000, 1_000), walk))
        rows.append(("temperature", {"instance": instance, "room": "x"}, "gauge", samples))
        odd = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e300]
        rows.append(("odd", {"instance": instance}, "gauge", [(t, odd[n % 6]) for n, t in enumerate(TIMES[:60])]))
    return rows


def generate_histogram():
    """Cumulative counts of a histogram by time: (time in ms, sum, counts by bucket)."""
    dice = random.Random(SEED + 1)
    counts, total, rows = [1_000] * (len(BOUNDS) + 1), 1e4, []
    for moment in TIMES:
        for _ in range(dice.randint(0, 5)):
            value = dice.lognormvariate(-0.5, 1.2)
            total += value
            counts[sum(value > bound for bound in BOUNDS)] += 1
        rows.append((moment, total, list(counts)))
    return rows


def otlp_request(rows, histogram):
    request = ExportMetricsServiceRequest()
    of_resource = request.resource_metrics.add()
    of_resource.resource.attributes.add(key="service.name").value.string_value = "peer"
    scope = of_resource.scope_metrics.add()
    for name, labels, kind, samples in rows:
        metric = scope.metrics.add(name=name.removesuffix("_total"))
        data = metric.gauge
        if kind == "counter":
            data = metric.sum
            data.is_monotonic = True
            data.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
        for moment, value in samples:
            point = data.data_points.add(time_unix_nano=moment * 1_000_000, as_double=value)
            for key, text in labels.items():
                point.attributes.add(key=key).value.string_value = text
    metric = scope.metrics.add(name="latency", unit="s")
    metric.histogram.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    for moment, total, counts in histogram:
        metric.histogram.data_points.add(
            time_unix_nano=moment * 1_000_000,
            sum=total,
            count=sum(counts),
            bucket_counts=counts,
            explicit_bounds=BOUNDS,
        )
    return request


def openmetrics(rows, histogram):
    """The same as text for `promtool tsdb create-blocks-from openmetrics`."""
    lines = []
    for name in sorted({row[0] for row in rows}):
        own = [row for row in rows if row[0] == name]
        lines.append(f"# TYPE {name.removesuffix('_total')} {own[0][2]}")
        for _, labels, _, samples in own:
            text = ",".join(f'{key}="{value}"' for key, value in {**labels, "job": "peer"}.items())
            lines += [f"{name}{{{text}}} {number(value)} {moment / 1000:.3f}" for moment, value in samples]
    lines.append("# TYPE latency_seconds histogram")
    for moment, total, counts in histogram:
        for place, bound in enumerate([*BOUNDS, math.inf]):
            le = "+Inf" if bound == math.inf else f"{bound:g}"
            lines.append(
                f'latency_seconds_bucket{{job="peer",le="{le}"}} {sum(counts[: place + 1])} {moment / 1000:.3f}'
            )
        lines.append(f'latency_seconds_sum{{job="peer"}} {number(total)} {moment / 1000:.3f}')
        lines.append(f'latency_seconds_count{{job="peer"}} {sum(counts)} {moment / 1000:.3f}')
    return "\n".join([*lines, "# EOF\n"])


def number(value):
    return "NaN" if math.isnan(value) else repr(value).replace("inf", "Inf")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("promql_peer")
    rows, histogram = generate(), generate_histogram()
    text = folder / "samples.om"
    text.write_text(openmetrics(rows, histogram))
    peers.require("promtool", "prometheus")
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "peer-data")]
    subprocess.run(blocks, check=True, capture_output=True)
    prometheus = peers.Prometheus(folder, "scrape_configs: []\n")
    clew = Clew(folder)
    try:
        prometheus.start()
        clew.start()
        body = otlp_request(rows, histogram).SerializeToString()
        answer = clew.request("POST", "/v1/metrics", data=body, headers={"Content-Type": "application/x-protobuf"})
        assert (answer.status_code, answer.content) == (200, b"")
        yield clew, prometheus
        clew.stop()
    finally:
        clew.close()
        prometheus.close()


EXPRESSIONS = [
    "http_requests_total",
    'http_requests_total{code="200"}',
    'http_requests_total{code!="200",instance=~"a.*|b:1"}',
    'http_requests_total{code=~"4..|5.."}',
    'http_requests_total{instance!~"a.+"}',
    'http_requests_total{missing=""}',
    '{__name__=~"temp.*"}',
    "http_requests_total offset 7m",
    "rate(http_requests_total[1m])",
    "rate(http_requests_total[5m])",
    "irate(http_requests_total[2m])",
    "increase(http_requests_total[10m])",
    "increase(http_requests_total[31s])",
    "delta(temperature[5m])",
    "sum(rate(http_requests_total[2m]))",
    "sum by (code) (rate(http_requests_total[2m]))",
    "sum without (instance) (rate(http_requests_total[2m]))",
    "avg by (instance) (http_requests_total)",
    "min(temperature)",
    "max by (room) (temperature)",
    "count by (code) (http_requests_total > 100)",
    "count(odd)",
    "sum(odd)",
    "avg(odd)",
    "min by (instance) (odd)",
    "max(odd)",
    "temperature + 1",
    "2 ^ temperature",
    "temperature * -0.5 - 3",
    "temperature % 2",
    "1 / temperature",
    "-temperature",
    "temperature > 0",
    "temperature < bool 0",
    "odd == 1e300",
    "odd != odd",
    'http_requests_total{code="500"} / ignoring(code) http_requests_total{code="200"}',
    "temperature - on(instance) temperature offset 5m",
    'sum by (instance) (rate(http_requests_total{code!="200"}[5m]))'
    " / sum by (instance) (rate(http_requests_total[5m]))",
    "histogram_quantile(0.9, latency_seconds_bucket)",
    "histogram_quantile(0.5, rate(latency_seconds_bucket[10m]))",
    "histogram_quantile(0.99, sum by (le) (rate(latency_seconds_bucket[5m])))",
    "rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])",
    "count_over_time(temperature[3m])",
    "avg_over_time(temperature[3m])",
    "1 + 2 * 3",
    "missing_metric",
]


def assert_close(ours, theirs):
    """Equal but for the last digits: sums of floating-point numbers depend on their order."""
    assert ours.keys() == theirs.keys()
    for key, values in theirs.items():
        assert [moment for moment, _ in ours[key]] == [moment for moment, _ in values], key
        own, other = ([float(value) for _, value in side] for side in (ours[key], values))
        assert own == pytest.approx(other, rel=1e-9, abs=1e-12, nan_ok=True), key


def matrix(result):
    return {frozenset(row["metric"].items()): row["values"] for row in result}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_ranges_are_equal(scene, expression):
    start, end = TIMES[0] / 1000 - 60 + AT, TIMES[-1] / 1000 + 400 + AT
    # A step that is no multiple of the samples' interval, so that windows cut everywhere.
    params = {"query": expression, "start": start, "end": end, "step": "17s"}
    ours, theirs = (server.prometheus("query_range", **params) for server in scene)
    assert ours["resultType"] == theirs["resultType"] == "matrix"
    assert_close(matrix(ours["result"]), matrix(theirs["result"]))


@pytest.mark.parametrize(
    "expression", [*EXPRESSIONS, "http_requests_total[2m]", "temperature[1m] offset 3m", '"text"', "-2.5e3"]
)
@pytest.mark.parametrize("place", [0, 100, 239])
def test_instants_are_equal(scene, expression, place):
    ours, theirs = (server.prometheus("query", query=expression, time=TIMES[place] / 1000 + AT) for server in scene)
    assert ours["resultType"] == theirs["resultType"]
    if ours["resultType"] in ("scalar", "string"):
        assert ours["result"] == theirs["result"]
    elif ours["resultType"] == "matrix":
        assert_close(matrix(ours["result"]), matrix(theirs["result"]))
    else:
        sides = ({frozenset(row["metric"].items()): [row["value"]] for row in own["result"]} for own in (ours, theirs))
        assert_close(*sides)


FAULTS = [
    ("query", {"query": "rate(http_requests_total)"}),
    ("query", {"query": "sum("}),
    ("query", {"query": "http_requests_total{"}),
    ("query", {"query": '{x=""}'}),
    ("query", {"query": "nosuchfunction(up)"}),
    ("query", {"query": "http_requests_total[5m"}),
    ("query", {"query": ""}),
    ("query", {}),
    ("query", {"query": "up", "time": "yesterday"}),
    ("query", {"query": "up", "timeout": "soon"}),
    ("query", {"query": 'a{b=~"("}'}),
    ("query_range", {"query": "up", "start": "1", "end": "100", "step": "0"}),
    ("query_range", {"query": "up", "start": "1", "end": "100", "step": "x"}),
    ("query_range", {"query": "up", "start": "100", "end": "1", "step": "1"}),
    ("query_range", {"query": "up", "start": "1", "end": "100001", "step": "1"}),
    ("query_range", {"query": "up", "start": "1", "end": "2"}),
    ("query_range", {"query": "up[5m]", "start": "1", "end": "2", "step": "1"}),
    ("series", {}),
    ("series", {"match[]": "up{"}),
    ("series", {"match[]": "{}"}),
    ("labels", {"match[]": "x y"}),
    ("metadata", {"limit": "many"}),
]


@pytest.mark.parametrize(("path", "params"), FAULTS, ids=str)
def test_errors_have_the_shape_of_prometheus(scene, path, params):
    clew, prometheus = scene
    ours = clew.request("GET", "/prometheus/api/v1/" + path, params=params)
    theirs = prometheus.request("GET", path, params=params)
    assert theirs.status_code == 400
    answer = ours.json()
    assert (ours.status_code, answer["status"], answer["errorType"]) == (400, "error", theirs.json()["errorType"])
    assert answer.keys() == {"status", "errorType", "error"} and answer["error"]


def test_many_samples_in_one_conflict_are_answered_as_an_execution_error(scene):
    expression = "temperature / on(room) temperature"
    ours, theirs = (
        scene[0].request(
            "POST", "/prometheus/api/v1/query", data={"query": expression, "time": TIMES[100] / 1000 + AT}
        ),
        scene[1].request("POST", "query", data={"query": expression, "time": TIMES[100] / 1000 + AT}),
    )
    assert ours.status_code == theirs.status_code == 422
    assert ours.json()["errorType"] == theirs.json()["errorType"] == "execution"


def test_series_and_labels_within_times(scene):
    for params in [
        {"match[]": '{job="peer"}'},
        {"match[]": ["odd", 'temperature{instance="a:1"}']},
        {"match[]": "odd", "start": TIMES[10] / 1000, "end": TIMES[20] / 1000},
        {"match[]": "odd", "start": TIMES[0] / 1000 - 30 * 86_400, "end": TIMES[0] / 1000 - 20 * 86_400},
    ]:
        ours, theirs = ({frozenset(r.items()) for r in server.prometheus("series", **params)} for server in scene)
        assert ours == theirs, params
        for path in ("labels", "label/instance/values", "label/__name__/values"):
            ours, theirs = (server.prometheus(path, **params) for server in scene)
            assert ours == theirs, (path, params)
