"""Python's prometheus_client scraped: every sample, exemplar and word of metadata, then a target that disappears."""

import random
import time

import prometheus_client as prom
import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import clew_server

TRACE_ID = f"{random.SystemRandom().getrandbits(128) | 1 << 127:032x}"
ODD_VALUES = ["plain", "", 'a "quoted" one', "back\\slash", "new\nline", "ünï☂ 日本", "comma,equals={}", " spaces "]


def build_registry():
    registry = prom.CollectorRegistry()
    requests_total = prom.Counter("app_requests", "Requests served", ["method", "path"], registry=registry)
    for number, value in enumerate(ODD_VALUES):
        requests_total.labels("GET", value).inc(number + 0.5, exemplar={"trace_id": TRACE_ID, "n": str(number)})
    depth = prom.Gauge("app_queue_depth", 'Depth with "quotes", a \\ and\na line break', registry=registry)
    depth.set(-17.25)
    extremes = prom.Gauge("app_extremes", "Numbers at the edges", ["which"], registry=registry)
    edges = {
        "nan": float("nan"),
        "inf": float("inf"),
        "-inf": float("-inf"),
        "tiny": 5e-324,
        "huge": 1.7976931348623157e308,
    }
    for which, value in edges.items():
        extremes.labels(which).set(value)
    latency = prom.Histogram("app_latency_seconds", "Latency", buckets=(0.1, 0.5, 1, 2.5), registry=registry)
    for number, value in enumerate([0.05, 0.3, 0.7, 2, 99]):
        latency.observe(value, exemplar={"trace_id": TRACE_ID, "n": str(number)})
    summary = prom.Summary("app_size_bytes", "Size", ["kind"], registry=registry)
    for value in (1, 10, 100.5):
        summary.labels("a").observe(value)
    prom.Info("app_build", "Build", registry=registry).info({"version": "1.2.3", "branch": 'fix/"it"'})
    state = prom.Enum("app_state", "State", states=["starting", "running", "stopped"], registry=registry)
    state.state("running")
    return registry, requests_total


@pytest.fixture(scope="module")
def exporter():
    registry, counter = build_registry()
    port = clew_server.free_port()
    server, thread = prom.start_http_server(port, "127.0.0.1", registry)
    return {"port": port, "counter": counter, "server": server, "thread": thread}


@pytest.fixture(scope="module")
def module_server(tmp_path_factory, exporter):
    folder = tmp_path_factory.mktemp("prometheus_client")
    (folder / "prometheus.yml").write_text(f"""
global:
  scrape_interval: 1s
  external_labels: {{ cluster: test }}
scrape_configs:
  - job_name: app
    static_configs:
      - targets: ["127.0.0.1:{exporter["port"]}"]
        labels: {{ env: 'täst' }}
""")
    server = clew_server.Clew(folder, "prometheus:\n  config_file: prometheus.yml\n")
    try:
        server.start()
        yield server
        server.stop()
    finally:
        server.close()


def exposed(port):
    """What the exporter shows, read by its own parser: values by name and labels, and the times of exemplars."""
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    text = requests.get(f"http://127.0.0.1:{port}/metrics", headers=accept, timeout=5).text
    values, times = {}, {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            # An empty label is no label in Prometheus' data model.
            labels = frozenset((name, value) for name, value in sample.labels.items() if value)
            values[(sample.name, labels)] = sample.value
            if sample.exemplar:
                own = frozenset(sample.exemplar.labels.items())
                times[(sample.name, labels, own, sample.exemplar.value)] = float(sample.exemplar.timestamp)
    return values, times


def stored(clew, exporter, selector='{job="app"}', **params):
    values = {}
    for row in clew.query(selector, **params):
        labels = dict(row["metric"])
        name = labels.pop("__name__")
        assert labels.pop("instance") == f"127.0.0.1:{exporter['port']}"
        assert (labels.pop("job"), labels.pop("env")) == ("app", "täst")
        values[(name, frozenset(labels.items()))] = float(row["value"][1])
    return values


SCRAPE_SERIES = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
}


def test_every_sample_is_stored(clew, exporter):
    clew_server.wait_until(lambda: clew.query('up{job="app"} == 1'), 15, "the target is scraped")
    read = stored(clew, exporter)
    own = {name: value for (name, labels), value in read.items() if name in SCRAPE_SERIES and not labels}
    assert own.keys() == SCRAPE_SERIES
    sent, _ = exposed(exporter["port"])
    assert own["scrape_samples_scraped"] == own["scrape_samples_post_metric_relabeling"] == len(sent)
    read = {key: value for key, value in read.items() if key[0] not in SCRAPE_SERIES}
    assert read == pytest.approx(sent, rel=0, abs=0, nan_ok=True)


def test_exemplars_lead_to_the_trace(clew, exporter):
    clew_server.wait_until(lambda: clew.query('up{job="app"} == 1'), 15, "the target is scraped")
    _, sent = exposed(exporter["port"])
    assert len(sent) == len(ODD_VALUES) + 5
    read = {}
    for series in clew.prometheus("query_exemplars", query='{job="app"}'):
        labels = {k: v for k, v in series["seriesLabels"].items() if k not in ("job", "instance", "env", "__name__")}
        for own in series["exemplars"]:
            key = (series["seriesLabels"]["__name__"], frozenset(labels.items()), frozenset(own["labels"].items()))
            read[(*key, float(own["value"]))] = own["timestamp"]
    # Prometheus' data model has milliseconds.
    assert read == pytest.approx(sent, rel=0, abs=0.001)
    story = clew.correlate(TRACE_ID.upper())
    assert story["counts"] == {"logs": 0, "spans": 0, "exemplars": len(sent)}
    assert {found["signal"] for found in story["found_in"]} == {"metrics"}


def test_metadata_is_what_the_exporter_says(clew, exporter):
    clew_server.wait_until(lambda: clew.query('up{job="app"} == 1'), 15, "the target is scraped")
    told = clew.prometheus("metadata")
    for family, kind, text in [
        ("app_requests", "counter", "Requests served"),
        ("app_queue_depth", "gauge", 'Depth with "quotes", a \\ and\na line break'),
        ("app_latency_seconds", "histogram", "Latency"),
        ("app_size_bytes", "summary", "Size"),
        ("app_build", "info", "Build"),
        ("app_state", "stateset", "State"),
    ]:
        # Prometheus keeps OpenMetrics' name of a counter's family; the classic format has its suffix in it.
        entries = told.get(family) or told[family + "_total"]
        assert [(entry["type"], entry["help"]) for entry in entries] == [(kind, text)], family


def test_values_that_change_are_followed_and_series_that_end_are_stale(clew, exporter):
    child = exporter["counter"].labels("POST", "/short-lived")
    child.inc(5)
    selector = 'app_requests_total{path="/short-lived"}'
    clew_server.wait_until(lambda: clew.query(selector), 10, "the new series is scraped")
    child.inc(2)
    clew_server.wait_until(lambda: clew.query(selector + " == 7"), 10, "the new value is scraped")
    exporter["counter"].remove("POST", "/short-lived")
    # Stale at the next scrape, long before the five minutes of the lookback are over.
    clew_server.wait_until(lambda: not clew.query(selector), 10, "the series is stale")
    assert clew.query('app_requests_total{path="plain"}')
    assert float(clew.query(f"max_over_time({selector}[1m])")[0]["value"][1]) == 7


def test_a_target_that_disappears_is_down_and_its_series_stale(clew, exporter):
    clew_server.wait_until(lambda: clew.query('up{job="app"} == 1'), 15, "the target is scraped")
    clew.expect_complaint("target is down")
    before = time.time()
    exporter["server"].shutdown()
    exporter["server"].server_close()
    exporter["thread"].join()
    clew_server.wait_until(lambda: clew.query('up{job="app"} == 0'), 15, "the target is down")
    left = stored(clew, exporter)
    assert {name for name, _ in left} == SCRAPE_SERIES
    # The past stays as it was.
    assert ("app_queue_depth", frozenset()) in stored(clew, exporter, time=before)
    (target,) = clew.prometheus("targets")["activeTargets"]
    assert target["health"] == "down"
    assert "refused" in target["lastError"]
