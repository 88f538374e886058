"""`clew check-config` tells what `serve` would tell, and knows every kind of file by what stands in it."""

import subprocess

import pytest

from clew_server import binary

RULES = """
groups:
  - name: shop
    rules:
      - alert: Down
        expr: |
          sum by (job) (up)
            == 0
        for: 5m
        annotations: { summary: '{{ $labels.job }} is down' }
"""

ROUTES = """
route:
  receiver: team
  routes: [{ matchers: [severity="page"], receiver: pager }]
receivers: [{ name: team }, { name: pager }]
"""


def check(path):
    done = subprocess.run([str(binary()), "check-config", str(path)], capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    return done.returncode, done.stdout


def serve(folder, path):
    """Starts a server that does not come up: exit code and what it said."""
    done = subprocess.run(
        [str(binary()), "serve", "--config", str(path), "--data-dir", str(folder / "data")],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "text", "verdict"),
    [
        ("clew.yml", "storage: { dir: data }\n", "a usable configuration of Clew"),
        ("prometheus.yml", "scrape_configs: [{ job_name: a }]\n", "a usable prometheus.yml with 1 job"),
        ("prometheus.yml", "storage: { tsdb: { retention: { time: 15d } } }\n", "a usable prometheus.yml with 0 jobs"),
        ("jobs.yml", "scrape_configs: [{ job_name: a }, { job_name: b }]\n", "a usable prometheus.yml with 2 jobs"),
        ("rules.yml", RULES, "a usable file of rules: 1 rule in 1 group"),
        ("crd.yml", "kind: PrometheusRule\nspec:" + RULES.replace("\n", "\n  "), "a PrometheusRule of Kubernetes"),
        ("targets.json", '[{"targets": ["a:1", "b:1"]}]', "a usable file of targets for file_sd_configs with 2 targets"),
        ("alertmanager.yml", ROUTES, "an alertmanager.yml whose keys, routes and receivers are in order"),
        ("dashboard.json", '{"title": "t", "panels": [{"type": "stat", "targets": [{}]}]}', "a dashboard of Grafana's with 1 panel and 1 query"),
        ("web.yml", "tls_server_config: { cert_file: a, key_file: b }\n", "a usable web configuration of Prometheus"),
        ("tests.yml", "rule_files: [a]\ntests: []\n", "tests of rules for promtool"),
    ],
)
def test_each_kind_of_file_is_known_by_what_stands_in_it(tmp_path, name, text, verdict):
    path = tmp_path / name
    path.write_text(text)
    code, said = check(path)
    assert code == 0, said
    assert f"{name}: {verdict}" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("rules.yml", RULES.replace("== 0", "== "), ":7:11: groups[0].rules[0].expr: the expression cannot be read at"),
        ("rules.yml", RULES.replace("(up)", "(upp{)"), ":7:11: groups[0].rules[0].expr: the expression cannot be read at 1:"),
        ("rules.yml", RULES.replace("5m", "soon"), ':9:14: groups[0].rules[0].for: "soon" is not a duration'),
        ("rules.yml", RULES.replace("job }}", "job }"), ":10:33: groups[0].rules[0].annotations.summary: the template"),
        ("rules.yml", RULES + RULES.replace("groups:", "", 1), ':13:5: groups[1]: the group name "shop" is used twice'),
        ("rules.yml", RULES.replace("for:", "fro:"), 'groups[0].rules[0]: unknown key "fro"; did you mean "for"?'),
        ("alertmanager.yml", ROUTES.replace("receiver: pager", "receiver: pagr"), 'there is no receiver "pagr"; did you mean "pager"?'),
        ("alertmanager.yml", ROUTES.replace("routes:", "route:"), ':4:3: route: unknown key "route"; did you mean "routes"?'),
        ("dashboard.json", '{"title": "t", "panels": [{"id": 1}]}', "panels[0]: the panel has no type"),
        ("targets.json", '[{"target": ["a:1"]}]', '[0]: unknown key "target"; did you mean "targets"?'),
        ("web.yml", "tls_server_config: { cert_fil: a }\n", 'unknown key "cert_fil"; did you mean "cert_file"?'),
        ("prometheus.yml", "scrape_config: []\n", ':1:1: unknown key "scrape_config"; did you mean "scrape_configs"?'),
        ("broken.yml", "a: [\n", "is not valid YAML"),
        ("compose.yml", "version: 3\nvolumes: {}\n", ":1:1: is none of the files that Clew knows"),
        ("list.yml", "- alert: A\n  labels: {}\n", ":1:1: is none of the files that Clew knows"),
    ],
)
def test_each_kind_of_file_is_checked_with_lines(tmp_path, name, text, expected):
    path = tmp_path / name
    path.write_text(text)
    code, said = check(path)
    assert code == 1
    assert expected in said and "1 fault" in said.splitlines()[-1], said


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder / "clew.yml"


OPEN = "server: { http: '127.0.0.1:0', otlp_grpc: '127.0.0.1:0', otlp_http: '127.0.0.1:0' }\n"
NAMES = OPEN + "prometheus: { config_file: prometheus.yml }\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"clew.yml": NAMES}, "clew.yml:2:28: prometheus.config_file: the file"),
        ({"clew.yml": NAMES, "prometheus.yml": "scrape_confgs: []"}, "prometheus.yml:1:1: unknown key"),
        ({"clew.yml": NAMES, "prometheus.yml": "rule_files: [r.yml]", "r.yml": "groups: [{}]"}, "r.yml:1:10: groups[0]"),
        ({"clew.yml": NAMES, "prometheus.yml": "scrape_config_files: [j.yml]", "j.yml": "global: {}"}, "j.yml:1:1: unknown"),
        ({"clew.yml": OPEN + "log: { level: 'a=b=c' }\n"}, "log.level"),
        (
            {"clew.yml": "server: { http: '127.0.0.1:0', otlp_grpc: '127.0.0.1:0', otlp_http: '127.0.0.1:0', tls: { cert: c.pem, key: k.pem } }\n"},
            "server.tls.cert: the file",
        ),
        (
            {
                "clew.yml": "server: { http: '127.0.0.1:0', otlp_grpc: '127.0.0.1:0', otlp_http: '127.0.0.1:0', tls: { cert: c.pem, key: k.pem } }\n",
                "c.pem": "no certificate",
                "k.pem": "no key",
            },
            "server.tls.cert: the file holds no certificate in PEM form",
        ),
    ],
)
def test_what_keeps_serve_from_starting_is_told_in_the_same_words(tmp_path, files, expected):
    path = write(tmp_path, files)
    code, said = check(path)
    serve_code, served = serve(tmp_path, path)
    assert (code, serve_code) == (1, 2), said + served
    assert expected in said
    faults = [line for line in said.splitlines()[:-1]]
    assert faults and all(fault in served for fault in faults), f"{said}\n{served}"
    assert not (tmp_path / "data").exists()


def test_files_that_are_read_later_are_looked_into_now(tmp_path, new_clew):
    clew = new_clew("prometheus: { config_file: prometheus.yml }\n")
    files = {
        "prometheus.yml": "rule_files: [r.yml, gone.yml]\nscrape_configs:\n"
        "  - job_name: a\n    basic_auth: { username: u, password_file: password }\n"
        "    tls_config: { ca_file: ca.pem }\n    file_sd_configs: [{ files: ['t*.json'] }]\n",
        "r.yml": RULES,
        "t1.json": '[{"targets": ["a:1"]}]',
        "t2.json": '[{"target": []}]',
    }
    write(clew.folder, files)
    code, said = check(clew.config_path)
    assert code == 0, said
    warnings = said.splitlines()[:-1]
    for part in (
        ":4:47: warning: scrape_configs[0].basic_auth.password_file: the file",
        ":5:28: warning: scrape_configs[0].tls_config.ca_file: the file",
        ":1:21: warning: rule_files[1]: there is no file",
        "t2.json:1:3: warning: [0]: unknown key",
        "prometheus.yml:1:1: warning: rule_files: is not built",
    ):
        assert any(part in warning for warning in warnings), f"{part} is not in\n{said}"
    clew.expect_complaint("prometheus.yml|t2.json|targets")
    clew.start()
    assert sorted(clew.get("/api/v1/status")["config_warnings"]) == sorted(warnings)
    clew.stop()
