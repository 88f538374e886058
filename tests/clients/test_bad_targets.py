"""Scrape targets that misbehave: each is down with a reason, none harms the others."""

import time

import pytest

import clew_server
import peers

GOOD = b"# TYPE good_total counter\ngood_total 1\n"

# body, status, content type, words of lastError
BAD = {
    "garbage": (b"\x00\x01\x02 not an exposition \xff\xfe\n", 200, peers.TEXT, []),
    "html": (b"<!DOCTYPE html>\n<html><body>hi</body></html>\n", 200, "text/html", []),
    "broken line": (b'good_total 1\nbroken{label="unclosed} 1\n', 200, peers.TEXT, ["line 2"]),
    "no value": (b"good_total\n", 200, peers.TEXT, ["line 1"]),
    "not a number": (b"good_total one\n", 200, peers.TEXT, ["line 1"]),
    "status": (b"no", 503, peers.TEXT, ["503"]),
    "no end": (b"# TYPE good counter\ngood_total 1\n", 200, peers.OPENMETRICS, ["EOF"]),
    "too many": (b"".join(b'many{n="%d"} 1\n' % n for n in range(1_000)), 200, peers.TEXT, ["limit"]),
    "too long": (b"# " + b"x" * 3_000_000 + b"\n", 200, peers.TEXT, ["limit"]),
}


@pytest.fixture(scope="module")
def targets():
    found = {}
    for name, (body, status, content_type, _) in BAD.items():
        found[name] = peers.Target()
        found[name].body, found[name].status, found[name].content_type = body, status, content_type
    found["slow"] = peers.Target()
    found["slow"].body = lambda: time.sleep(3) or GOOD
    found["good"] = peers.Target()
    found["good"].body = GOOD
    yield found
    for target in found.values():
        target.__exit__()


@pytest.fixture(scope="module")
def module_server(tmp_path_factory, targets):
    folder = tmp_path_factory.mktemp("bad_targets")
    jobs = "".join(
        f"  - job_name: {name}\n    sample_limit: 500\n    body_size_limit: 2MB\n"
        f"    static_configs: [{{ targets: ['127.0.0.1:{target.port}'] }}]\n"
        for name, target in targets.items()
    )
    nobody = f"  - job_name: nobody\n    static_configs: [{{ targets: ['127.0.0.1:{clew_server.free_port()}'] }}]\n"
    (folder / "prometheus.yml").write_text(
        f"global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n{jobs}{nobody}"
    )
    server = clew_server.Clew(folder, "prometheus: { config_file: prometheus.yml }\n")
    try:
        server.start()
        clew_server.wait_until(lambda: len(server.query("up")) == len(targets) + 1, 20, "all were scraped")
        yield server
        server.expect_complaint("scrape")
        server.stop()
    finally:
        server.close()


@pytest.mark.parametrize("name", [*BAD, "slow", "nobody"])
def test_a_bad_target_is_down_with_a_reason(clew, name):
    clew.expect_complaint("scrape")
    (target,) = [own for own in clew.prometheus("targets")["activeTargets"] if own["scrapePool"] == name]
    assert target["health"] == "down"
    words = BAD[name][3] if name in BAD else {"slow": ["1"], "nobody": ["refused"]}[name]
    assert target["lastError"] and len(target["lastError"]) < 1_000
    for word in words:
        assert word in target["lastError"]
    (row,) = clew.query(f'up{{job="{name}"}}')
    assert row["value"][1] == "0"
    assert clew.query(f'good_total{{job="{name}"}}') == []
    assert clew.query(f'many{{job="{name}"}}') == []


def test_the_good_target_is_scraped_all_the_same(clew):
    clew.expect_complaint("scrape")
    (row,) = clew.query("good_total")
    assert (row["metric"]["job"], row["value"][1]) == ("good", "1")
    own = clew.own_metrics()
    failed = {
        dict(labels)["pool"]
        for (name, labels), value in own.items()
        if name == "clew_scrapes_total" and dict(labels)["outcome"] != "ok" and value
    }
    assert {*BAD, "slow", "nobody"} <= failed and "good" not in failed


def test_a_target_that_mends_itself_comes_back(clew, targets):
    clew.expect_complaint("scrape")
    targets["broken line"].body = GOOD
    clew_server.wait_until(lambda: clew.query('up{job="broken line"} == 1'), 10, "it is up")
    (row,) = clew.query('good_total{job="broken line"}')
    assert row["value"][1] == "1"
    targets["broken line"].body = BAD["broken line"][0]
    clew_server.wait_until(lambda: clew.query('up{job="broken line"} == 0'), 10, "it is down again")
    assert clew.query('good_total{job="broken line"}') == []
