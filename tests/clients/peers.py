"""The programs beside Clew: Debian's Prometheus and node exporter, and scrape targets of our own."""

import contextlib
import http.server
import os
import shutil
import subprocess
import threading

import pytest
import requests

from clew_server import free_port, wait_until


def require(program, package):
    """Skips the test with the remedy where a program is missing; in CI that is a failure."""
    if shutil.which(program):
        return
    reason = f"{program} is not installed: run tests/install-tools, or install Debian's package {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Prometheus:
    """Debian's Prometheus on a free port: the same configuration, the same questions, the peer's answers."""

    def __init__(self, folder, config):
        require("prometheus", "prometheus")
        self.folder = folder
        self.port = free_port()
        self.config_path = folder / "peer-prometheus.yml"
        self.config_path.write_text(config)
        self.process = None

    def start(self):
        command = [
            "prometheus",
            f"--config.file={self.config_path}",
            f"--storage.tsdb.path={self.folder / 'peer-data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--storage.tsdb.retention.time=10y",
            "--enable-feature=exemplar-storage",
            "--log.level=warn",
        ]
        with open(self.folder / "peer.log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self.is_ready, 30, "Prometheus is ready")
        return self

    def is_ready(self):
        assert self.process.poll() is None, (self.folder / "peer.log").read_text()
        try:
            return requests.get(self.url("/-/ready"), timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def request(self, method, path, **options):
        """A call of the API, `path` as below `/api/v1/`."""
        return requests.request(method, self.url("/api/v1/" + path), timeout=60, **options)

    def prometheus(self, path, **params):
        response = self.request("GET", path, params=params)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def query(self, expression, **params):
        return self.prometheus("query", query=expression, **params)["result"]


@contextlib.contextmanager
def node_exporter():
    """Debian's node exporter; its port."""
    require("prometheus-node-exporter", "prometheus-node-exporter")
    port = free_port()
    command = ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/metrics"), 20, "the node exporter answers")
        yield port
    finally:
        process.kill()
        process.wait()


def _answers(url):
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Target:
    """A scrape target that answers what the test says."""

    def __init__(self):
        self.body, self.status, self.content_type = b"", 200, TEXT
        self.requests = []
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                target.requests.append((self.path, dict(self.headers)))
                body = target.body() if callable(target.body) else target.body
                self.send_response(target.status)
                if target.content_type is not None:
                    self.send_header("Content-Type", target.content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
