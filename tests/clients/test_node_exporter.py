"""Debian's node exporter scraped by Clew and, with the same prometheus.yml, by Debian's Prometheus: equal answers."""

import time

import pytest
import requests

import clew_server
import peers

# Relabelling and limits as operators write them; both servers read this very file.
PROMETHEUS_YML = """
global:
  scrape_interval: 1s
  scrape_timeout: 900ms
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["127.0.0.1:{node}"]
        labels: {{ role: database }}
      - targets: ["127.0.0.1:{node}"]
        labels: {{ role: web, __tmp_zone: a }}
    relabel_configs:
      - source_labels: [role, __tmp_zone]
        separator: "-"
        regex: (web)-(.+)
        target_label: place
        replacement: ${{1}}/${{2}}
      - source_labels: [__address__]
        regex: '[^:]+:(\\d+)'
        target_label: port
      - regex: role
        action: labeldrop
      - source_labels: [place]
        regex: ""
        target_label: place
        replacement: base
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: go_.*
        action: drop
      - source_labels: [mode]
        regex: (idle|iowait)
        target_label: quiet
        replacement: "yes"
  - job_name: honest
    honor_labels: true
    honor_timestamps: false
    metrics_path: /own
    params: {{ collect: [a, b] }}
    static_configs: [{{ targets: ["127.0.0.1:{own}"] }}]
  - job_name: strict
    metrics_path: /own
    static_configs: [{{ targets: ["127.0.0.1:{own}"] }}]
"""

OWN = b"""# HELP own_value A value
# TYPE own_value gauge
own_value{job="mine",instance="theirs",x="1"} 3
own_value{x="2"} -0.5
# TYPE own_total counter
own_total 12
untyped_value 1e-3
own_seconds_bucket{le="0.1"} 1
own_seconds_bucket{le="+Inf"} 4
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Both servers scraping the same targets for some seconds."""
    folder = tmp_path_factory.mktemp("node_exporter")
    with peers.node_exporter() as node, peers.Target() as own:
        own.body = OWN
        config = PROMETHEUS_YML.format(node=node, own=own.port)
        (folder / "prometheus.yml").write_text(config)
        clew = clew_server.Clew(folder, "prometheus:\n  config_file: prometheus.yml\n")
        prometheus = peers.Prometheus(folder, config)
        try:
            clew.start()
            prometheus.start()
            for server in (clew, prometheus):
                for enough in ["min(count_over_time(up[1h])) >= 8", "min(up) == 1", "count(up) == 4"]:
                    clew_server.wait_until(lambda: server.query(enough), 40, enough)
            yield clew, prometheus, node, own
            clew.stop()
        finally:
            clew.close()
            prometheus.close()


@pytest.fixture
def clew(scene):
    yield scene[0]
    scene[0].check_log()


@pytest.fixture
def prometheus(scene):
    return scene[1]


def label_sets(server, selector, **params):
    return {frozenset(row.items()) for row in server.prometheus("series", **{"match[]": selector}, **params)}


def test_every_sample_of_a_scrape_is_a_series(clew, scene):
    text = requests.get(f"http://127.0.0.1:{scene[2]}/metrics", timeout=5).text
    exposed = clew_server.parse_exposition(text)
    own = {"job", "instance", "place", "port", "quiet"}
    stored = {
        (row["__name__"], frozenset((k, v) for k, v in row.items() if k not in own and k != "__name__"))
        for row in clew.prometheus("series", **{"match[]": '{job="node",place="base"}'})
    }
    missing = [key for key in exposed if not key[0].startswith("go_") and without_empty(key) not in stored]
    assert len(exposed) > 300
    assert missing == []
    assert not any(name.startswith("go_") for name, _ in stored)
    memory = exposed[("node_memory_MemTotal_bytes", frozenset())]
    rows = clew.query("node_memory_MemTotal_bytes")
    assert [float(row["value"][1]) for row in rows] == [memory, memory]


def without_empty(key):
    name, labels = key
    return name, frozenset((k, v) for k, v in labels if v)


def test_both_servers_have_the_same_series(clew, prometheus):
    # Series that come and go with the machine's life are left out: those both have had from the start are compared.
    for selector in ['{job="node"}', '{job="strict"}', '{job="mine"}', '{instance="theirs"}', '{job="honest"}']:
        ours, theirs = label_sets(clew, selector), label_sets(prometheus, selector)
        differing = {dict(row)["__name__"] for row in ours ^ theirs}
        assert differing <= {"scrape_timeout_seconds", "scrape_sample_limit"}, selector
        assert ours, selector


EXACT = [
    "count by (mode) (node_cpu_seconds_total)",
    "count(node_cpu_seconds_total) by (quiet, place)",
    "sum(node_memory_MemTotal_bytes)",
    "node_uname_info",
    "max by (place, port) (node_boot_time_seconds)",
    'node_filesystem_size_bytes{mountpoint="/"} / 1024 ^ 3',
    "count without (cpu, mode) (node_cpu_seconds_total)",
    'own_value{x="2"}',
    "own_value * 2 + 1",
    "sum(own_value) by (job)",
    "avg(own_value)",
    "-own_value > 0",
    "own_value == bool 3",
    "own_total - own_value",
    "own_total / on(instance, job) untyped_value",
    'own_seconds_bucket{le!="+Inf"}',
    "histogram_quantile(0.5, own_seconds_bucket)",
    "rate(own_total[5s])",
    "increase(own_total[5s])",
    "avg_over_time(own_value[5s])",
    "count(up)",
    "sum by (job) (up)",
    "1 + 2 * 3 ^ 2 - 4 % 3",
    "absent_metric",
]

CLOSE = [
    ("sum by (mode) (rate(node_cpu_seconds_total[6s]))", 0.5, 0.25),
    ("sum(rate(node_cpu_seconds_total[6s]))", 0.25, 0),
    ("sum by (place) (increase(node_context_switches_total[6s])) > 0", 1.0, 0),
    ("node_time_seconds", 1e-8, 2),
    ("avg without (cpu) (node_cpu_seconds_total)", 0.01, 2),
]


def vector(rows):
    return {frozenset(row["metric"].items()): float(row["value"][1]) for row in rows}


@pytest.mark.parametrize("expression", EXACT)
def test_queries_on_what_stands_still_have_equal_answers(clew, prometheus, expression):
    now = time.time() - 1
    ours, theirs = (server.prometheus("query", query=expression, time=now) for server in (clew, prometheus))
    assert ours["resultType"] == theirs["resultType"]
    if ours["resultType"] == "scalar":
        assert ours["result"][1] == theirs["result"][1]
        return
    assert vector(ours["result"]) == pytest.approx(vector(theirs["result"]), rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(("expression", "relative", "absolute"), CLOSE)
def test_queries_on_what_moves_have_close_answers(clew, prometheus, expression, relative, absolute):
    now = time.time() - 1
    ours, theirs = (vector(server.query(expression, time=now)) for server in (clew, prometheus))
    assert ours.keys() == theirs.keys() and ours
    assert ours == pytest.approx(theirs, rel=relative, abs=absolute)


def test_parameters_and_headers_reach_the_target(scene):
    path, headers = next((path, headers) for path, headers in scene[3].requests if "collect" in path)
    assert path == "/own?collect=a&collect=b"
    accept = {name.lower(): value for name, value in headers.items()}["accept"]
    assert "application/openmetrics-text" in accept and "text/plain;version=0.0.4" in accept.replace("; ", ";")


def test_targets_have_the_shape_of_prometheus(clew, prometheus):
    ours, theirs = (server.prometheus("targets") for server in (clew, prometheus))
    # Newer versions of Prometheus than the peer have more keys.
    assert theirs.keys() <= ours.keys()
    assert len(ours["activeTargets"]) == len(theirs["activeTargets"]) == 4

    def identity(target):
        return target["scrapePool"], tuple(sorted(target["labels"].items()))

    for own, other in zip(*(sorted(d["activeTargets"], key=identity) for d in (ours, theirs)), strict=True):
        assert other.keys() <= own.keys()
        for key in (
            "labels",
            "discoveredLabels",
            "scrapePool",
            "scrapeUrl",
            "health",
            "lastError",
            "scrapeInterval",
            "scrapeTimeout",
        ):
            assert own[key] == other[key], key
    assert clew.prometheus("targets", state="dropped")["activeTargets"] == []


@pytest.mark.parametrize(
    "path", ["labels", "label/mode/values", "label/__name__/values", "label/le/values", "label/none/values"]
)
def test_labels_and_their_values_are_equal(clew, prometheus, path):
    for params in [{}, {"match[]": '{job="node"}'}, {"match[]": "own_value"}]:
        ours, theirs = (server.prometheus(path, **params) for server in (clew, prometheus))
        if path == "label/__name__/values":
            # A kernel shows some families only while there is something to say.
            assert len(set(ours) ^ set(theirs)) <= 5
        else:
            assert ours == theirs, params


def test_metadata_is_equal(clew, prometheus):
    ours, theirs = (server.prometheus("metadata") for server in (clew, prometheus))
    for family in ("own_value", "node_cpu_seconds_total", "node_load1", "own_total"):
        assert ours[family] == theirs[family], family
    assert len(ours.keys() ^ theirs.keys()) <= 5
