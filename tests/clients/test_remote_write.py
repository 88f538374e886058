"""Debian's Prometheus sends what it scrapes by remote write: Clew has the same samples, to the bit, also after it was away."""

import time

import pytest

import peers
from clew_server import Clew, wait_until

CONFIG = """
global: { scrape_interval: 1s, external_labels: { region: here } }
scrape_configs:
  - job_name: self
    static_configs: [{ targets: ['127.0.0.1:{port}'] }]
remote_write:
  - url: http://127.0.0.1:{clew}/prometheus/api/v1/write
    queue_config: { batch_send_deadline: 200ms, min_backoff: 30ms, max_backoff: 200ms }
    metadata_config: { send: true, send_interval: 1s }
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("remote_write")
    clew = Clew(folder)
    prometheus = peers.Prometheus(folder, "")
    config = CONFIG.replace("{port}", str(prometheus.port)).replace("{clew}", str(clew.http))
    prometheus.config_path.write_text(config)
    try:
        clew.start()
        prometheus.start()
        yield clew, prometheus
        clew.stop()
    finally:
        clew.close()
        prometheus.close()


def raw(answer):
    """Samples by series, without the label that the sender adds."""
    assert answer["resultType"] == "matrix"
    rows = {}
    for row in answer["result"]:
        labels = {name: value for name, value in row["metric"].items() if name != "region"}
        rows[tuple(sorted(labels.items()))] = row["values"]
    return rows


def clew_data(clew, path, **params):
    answer = clew.request("GET", f"/prometheus/api/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def both(clew, prometheus, expression, at):
    """The same question to both, at a moment that is over in both."""
    return (
        raw(clew_data(clew, "query", query=expression, time=at)),
        raw(prometheus.prometheus("query", query=expression, time=at)),
    )


def arrived(clew, moment):
    """Whether Clew has what was scraped until a moment."""
    rows = clew_data(clew, "query", query='timestamp(up{job="self"})', time=moment + 1)["result"]
    return rows and float(rows[0]["value"][1]) >= moment - 1


def test_samples_arrive_as_they_were_scraped(scene):
    clew, prometheus = scene
    wait_until(lambda: arrived(clew, time.time()), 30, "the first samples arrive")
    time.sleep(4)
    # Half a second off, so that no sample lies on the edge of a range, which the two versions treat differently.
    moment = round(time.time()) - 1.5
    wait_until(lambda: arrived(clew, moment), 15, "what was scraped arrives")
    ours, theirs = both(clew, prometheus, '{job="self"}[3s]', moment)
    assert len(theirs) > 300
    assert ours == theirs


def test_the_senders_labels_and_metadata_arrive(scene):
    clew, _ = scene
    wait_until(lambda: arrived(clew, time.time()), 30, "samples arrive")
    rows = clew_data(clew, "query", query="prometheus_build_info")["result"]
    assert [row["metric"]["region"] for row in rows] == ["here"]

    def told():
        return clew_data(clew, "metadata", metric="prometheus_http_requests_total").get("prometheus_http_requests_total")

    (family,) = wait_until(told, 15, "metadata arrives")
    assert (family["type"], family["help"]) == ("counter", "Counter of HTTP requests.")


def test_nothing_is_lost_while_the_receiver_is_away(scene):
    clew, prometheus = scene
    began = round(time.time()) - 0.5
    clew.kill()
    time.sleep(3)
    clew.start()
    moment = round(time.time()) + 0.5
    time.sleep(2)
    wait_until(lambda: arrived(clew, moment), 30, "what was scraped meanwhile arrives")
    ours, theirs = both(clew, prometheus, f'{{job="self"}}[{int(moment - began)}s]', moment)
    assert ours == theirs
    assert all(len(values) >= 3 for name, values in theirs.items() if ("__name__", "up") in name)


@pytest.mark.parametrize(
    ("headers", "body", "status", "words"),
    [
        ({"Content-Type": "application/json"}, b"{}", 400, "not remote write"),
        ({"Content-Type": "application/x-protobuf;proto=other"}, b"", 415, "not remote write"),
        ({"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}, b"", 415, "snappy"),
        ({"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}, b"\xff\xff\xff", 400, "SnappyBlock"),
        # Two bytes that are no protobuf.
        ({"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}, b"\x02\x04\xff\xff", 400, "malformed"),
    ],
)
def test_what_is_no_remote_write_is_refused_with_the_reason(scene, headers, body, status, words):
    clew, _ = scene
    answer = clew.request("POST", "/prometheus/api/v1/write", data=body, headers=headers)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
