"""A real `clew serve` under test: started on free ports, watched, asked over HTTP, stopped or killed."""

import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time

import requests

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
START_TIMEOUT = 30.0
# The contract: SIGTERM flushes, finishes what was accepted and ends within this time.
STOP_TIMEOUT = 10.0

ANSI = re.compile(r"\x1b\[[0-9;]*m")
HUMAN_LINE = re.compile(r"^\S+\s+(TRACE|DEBUG|INFO|WARN|ERROR)\s")


def binary():
    """The program under test: `CLEW_BIN`, else the debug build of this repository."""
    if "CLEW_BIN" in os.environ:
        return pathlib.Path(os.environ["CLEW_BIN"])
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    return target / "debug" / "clew"


def free_port():
    """A port below the range from which the kernel takes ports for outgoing connections, so that none is in the way
    when a server is started on it again."""
    while True:
        port = random.SystemRandom().randint(15_000, 31_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_until(condition, timeout, what):
    """Calls `condition` until it answers something true, and answers that."""
    deadline = time.monotonic() + timeout
    while True:
        outcome = condition()
        if outcome:
            return outcome
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.05)


def level_of(line):
    """The level of a line of Clew's log; None where it is no such line."""
    plain = ANSI.sub("", line)
    if plain.startswith("{"):
        try:
            return json.loads(plain).get("level")
        except ValueError:
            return None
    found = HUMAN_LINE.match(plain)
    return found.group(1) if found else None


class Clew:
    """One data directory and the server on it."""

    def __init__(self, folder, config="", arguments=(), environment=None):
        """`config` is YAML without `server`, which is written here for the ports."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.log_path = self.folder / "clew.log"
        self.host = "127.0.0.1"
        self.http, self.grpc, self.otlp = free_port(), free_port(), free_port()
        self.arguments = list(arguments)
        self.environment = dict(environment or {})
        self.config_path = self.folder / "clew.yml"
        self.configure(config)
        self.process = None
        self.session = requests.Session()
        self.expected_complaints = []
        self._checked = 0

    def configure(self, config):
        """Writes the configuration file."""
        server = (
            f"server:\n  http: 127.0.0.1:{self.http}\n  otlp_grpc: 127.0.0.1:{self.grpc}\n"
            f"  otlp_http: 127.0.0.1:{self.otlp}\n"
        )
        self.config_path.write_text(server + config)

    # -- life ---------------------------------------------------------------------------------------------------

    def spawn(self):
        """Starts the process without waiting for it."""
        command = [binary(), "serve", "--config", self.config_path, "--data-dir", self.data, *self.arguments]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CLEW_")} | self.environment
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    def start(self):
        """Starts the server and waits until it is ready."""
        self.spawn()
        wait_until(self.is_ready, START_TIMEOUT, f"the server is ready; its log:\n{self.log()}")
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"clew ended with {self.process.returncode}:\n{self.log()}"
        try:
            return requests.get(self.url("/-/ready"), timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def stop(self):
        """Stops the server as an operator does, and checks that it ends well and in time."""
        self.session.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"clew did not end within {STOP_TIMEOUT} s of SIGTERM:\n{self.log()}") from None
        assert code == 0, f"clew ended with {code}:\n{self.log()}"
        self.process = None
        self.check_log()

    def kill(self):
        """Ends the process without a word, as the kernel or an impatient operator does."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def close(self):
        """Ends whatever still runs; for the end of a test that may have failed."""
        self.session.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    # -- its own log --------------------------------------------------------------------------------------------

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def expect_complaint(self, pattern):
        """Allows warnings and errors in the log that match `pattern`."""
        self.expected_complaints.append(re.compile(pattern))

    def check_log(self):
        """Fails where the server panicked, or complained of something that the test did not expect."""
        lines = self.log().splitlines()
        fresh, self._checked = lines[self._checked :], len(lines)
        complaints = [line for line in fresh if self._is_complaint(line)]
        assert not complaints, "the server complained:\n" + "\n".join(complaints)

    def _is_complaint(self, line):
        if "panicked at" in line:
            return True
        if level_of(line) not in ("WARN", "ERROR"):
            return False
        return not any(pattern.search(ANSI.sub("", line)) for pattern in self.expected_complaints)

    # -- asking -------------------------------------------------------------------------------------------------

    def url(self, path):
        return f"http://{self.host}:{self.http}{path}"

    def request(self, method, path, **options):
        options.setdefault("timeout", 60)
        return self.session.request(method, self.url(path), **options)

    def get(self, path, **params):
        """The JSON that a path answers, which must be a success."""
        response = self.request("GET", path, params=params)
        assert response.status_code == 200, f"{path} {params}: {response.status_code} {response.text[:2000]}"
        return response.json()

    def send_logs(self, records, **options):
        """Posts JSON logs and checks that all were taken."""
        body = "\n".join(json.dumps(record) for record in records)
        options.setdefault("headers", NDJSON)
        response = self.request("POST", "/api/v1/logs", data=body.encode(), **options)
        assert response.status_code == 200, response.text[:2000]
        assert response.json() == {"accepted": len(records), "rejected": 0, "errors": []}

    def logs(self, query=None, **params):
        """All log records that match, oldest first, page by page."""
        params = {"order": "asc", "limit": 10_000} | params
        if query is not None:
            params["query"] = query
        rows = []
        while True:
            page = self.get("/api/v1/logs", **params)
            assert page.get("warnings", []) == []
            rows += page["logs"]
            if "next_cursor" not in page:
                return rows
            params["cursor"] = page["next_cursor"]

    def trace(self, trace_id):
        """A whole trace."""
        trace = self.get(f"/api/v1/traces/{trace_id}")
        assert not trace["truncated"] and "warnings" not in trace
        return trace

    def correlate(self, identifier, **params):
        return self.get("/api/v1/correlate/" + requests.utils.quote(identifier, safe=""), **params)

    def prometheus(self, path, **params):
        """`data` of a call of the Prometheus API."""
        return self.get("/prometheus/api/v1/" + path, **params)["data"]

    def query(self, expression, **params):
        """The result of an instant query."""
        return self.prometheus("query", query=expression, **params)["result"]

    def own_metrics(self):
        """Clew's own metrics: values by name and labels."""
        return parse_exposition(self.request("GET", "/metrics").text)

    def rejected(self):
        """How many records Clew says it refused, all signals together."""
        own = self.own_metrics()
        return sum(value for (name, _), value in own.items() if name == "clew_ingest_records_rejected_total")


NDJSON = {"Content-Type": "application/x-ndjson"}


def parse_exposition(text):
    """Samples of a text exposition by (name, frozenset of labels), read by prometheus_client."""
    from prometheus_client.parser import text_string_to_metric_families

    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
