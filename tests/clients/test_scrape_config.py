"""What a prometheus.yml can say about how targets are found and asked."""

import json

import pytest

import clew_server
import peers

EXPOSITION = b"# TYPE shown gauge\nshown 1\n"


@pytest.fixture
def target():
    with peers.Target() as own:
        own.body = EXPOSITION
        yield own


@pytest.fixture
def scraping(new_clew):
    """Starts Clew with a prometheus.yml: `scraping(text, name=content of a file beside it)`."""

    def start(text, **files):
        clew = new_clew("prometheus: { config_file: prometheus.yml }\n")
        for name, content in files.items():
            (clew.folder / name.replace("__", ".")).write_text(content)
        (clew.folder / "prometheus.yml").write_text("global: { scrape_interval: 1s }\nscrape_configs:\n" + text)
        return clew.start()

    return start


def headers_of(target):
    clew_server.wait_until(lambda: target.requests, 10, "the target is asked")
    path, headers = target.requests[0]
    return path, {name.lower(): value for name, value in headers.items()}


def test_basic_auth_with_a_password_from_a_file(scraping, target):
    clew = scraping(
        f"""
  - job_name: a
    basic_auth: {{ username: marie, password_file: secret.txt }}
    static_configs: [{{ targets: ['127.0.0.1:{target.port}'] }}]
""",
        secret__txt="s3cret:ü\n",
    )
    _, headers = headers_of(target)
    # base64 of "marie:s3cret:ü"
    assert headers["authorization"] == "Basic bWFyaWU6czNjcmV0OsO8"
    clew.stop()


def test_authorization_and_headers(scraping, target):
    clew = scraping(f"""
  - job_name: a
    authorization: {{ type: Token, credentials: abc }}
    scrape_timeout: 500ms
    static_configs: [{{ targets: ['127.0.0.1:{target.port}'] }}]
""")
    path, headers = headers_of(target)
    assert (path, headers["authorization"]) == ("/metrics", "Token abc")
    assert float(headers["x-prometheus-scrape-timeout-seconds"]) == 0.5
    assert "secret" not in clew.request("GET", "/prometheus/api/v1/targets").text
    clew.stop()


def test_targets_from_files_are_followed(scraping, target):
    def groups(*labels):
        return json.dumps([{"targets": [f"127.0.0.1:{target.port}"], "labels": own} for own in labels])

    clew = scraping(
        """
  - job_name: a
    file_sd_configs: [{ files: ['targets-*.json', more.yml], refresh_interval: 1s }]
""",
        **{"targets-1__json": groups({"n": "1"})},
        more__yml=f"- targets: ['127.0.0.1:{target.port}']\n  labels: {{ n: yaml }}\n",
    )

    def shown():
        return sorted(row["metric"]["n"] for row in clew.query("shown"))

    clew_server.wait_until(lambda: shown() == ["1", "yaml"], 10, "both files' targets are scraped")
    (clew.folder / "targets-1.json").write_text(groups({"n": "1"}, {"n": "2"}))
    (clew.folder / "targets-9.json").write_text(groups({"n": "9"}))
    clew_server.wait_until(lambda: shown() == ["1", "2", "9", "yaml"], 15, "changed and new files are read")
    clew.expect_complaint("targets-9.json")
    (clew.folder / "targets-9.json").write_text("[{ broken")
    (clew.folder / "targets-1.json").write_text(groups({"n": "2"}))
    # A file that cannot be read keeps its last targets; the others go on.
    clew_server.wait_until(lambda: shown() == ["2", "9", "yaml"], 15, "the good file's change is followed")
    clew.stop()


def test_what_is_not_built_is_said_and_what_prometheus_refuses_is_refused(new_clew):
    clew = new_clew("prometheus: { config_file: prometheus.yml }\n")
    path = clew.folder / "prometheus.yml"
    path.write_text(
        "rule_files: [a.yml]\nalerting: { alertmanagers: [{}] }\nremote_write: [{ url: 'http://127.0.0.1:1' }]\n"
    )
    clew.expect_complaint("rule_files|alerting|remote_write")
    clew.start()
    for key in ("rule_files", "alerting", "remote_write"):
        assert key in clew.log()
    warnings = json.dumps(clew.prometheus("status/runtimeinfo"))
    assert "rule_files" in warnings and "remote_write" in warnings
    clew.stop()

    path.write_text("scrape_configs:\n  - job_name: a\n    kubernetes_sd_config: [{ role: pod }]\n")
    clew.spawn()
    assert clew.process.wait(20) == 2
    clew.process = None
    assert "kubernetes_sd_config" in clew.log() and "prometheus.yml:3" in clew.log()


def test_a_job_whose_discovery_is_not_built_is_told_and_the_others_run(scraping, target):
    clew = scraping(f"""
  - job_name: pods
    kubernetes_sd_configs: [{{ role: pod }}]
  - job_name: here
    static_configs: [{{ targets: ['127.0.0.1:{target.port}'] }}]
""")
    clew.expect_complaint("kubernetes_sd_configs")
    up = lambda: [job for job in clew.get("/api/v1/status")["scrape_jobs"] if job["up"]]
    clew_server.wait_until(up, 15, "the other job is scraped")
    status = clew.get("/api/v1/status")
    said = "kubernetes_sd_configs is not built: the targets that it would find are not scraped"
    assert status["scrape_jobs"] == [
        {"name": "pods", "targets": 0, "up": 0, "problems": [said]},
        {"name": "here", "targets": 1, "up": 1, "problems": []},
    ]
    assert any("prometheus.yml:5:5" in warning and "not built" in warning for warning in status["config_warnings"])
    answer = clew.request("GET", "/prometheus/api/v1/targets").json()
    assert answer["warnings"] == [f'job "pods": {said}']
    assert [own["labels"]["job"] for own in answer["data"]["activeTargets"]] == ["here"]
    assert clew.prometheus("scrape_pools") == {"scrapePools": ["here", "pods"]}
    assert clew.request("GET", "/prometheus/api/v1/targets?scrapePool=here").json().get("warnings") is None
    clew.stop()


def test_jobs_of_other_files_are_scraped_and_follow_a_reload(new_clew, target):
    clew = new_clew("prometheus: { config_file: prometheus.yml }\n")
    (clew.folder / "jobs").mkdir()
    job = "scrape_configs: [{{ job_name: {}, static_configs: [{{ targets: ['127.0.0.1:{}'] }}] }}]\n"
    (clew.folder / "jobs/one.yml").write_text(job.format("one", target.port))
    (clew.folder / "prometheus.yml").write_text("global: { scrape_interval: 1s }\nscrape_config_files: ['jobs/*.yml']\n")
    clew.start()
    names = lambda: [job["name"] for job in clew.get("/api/v1/status")["scrape_jobs"]]
    assert names() == ["one"]
    (clew.folder / "jobs/two.yml").write_text(job.format("two", target.port))
    assert clew.request("POST", "/-/reload").status_code == 200
    assert names() == ["one", "two"]
    (clew.folder / "jobs/two.yml").write_text(job.format("one", target.port))
    clew.expect_complaint("is used twice")
    assert clew.request("POST", "/-/reload").status_code != 200
    assert names() == ["one", "two"]
    clew.stop()
