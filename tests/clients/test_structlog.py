"""Logs that structlog renders as JSON, sent as NDJSON in every compression that the endpoint takes."""

import gzip
import io
import json
import uuid
import zlib

import pytest
import structlog
import zstandard

import exact

COMPRESSIONS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "deflate": zlib.compress,
}


def rendered(run):
    """Lines as an application with structlog's usual processors for production writes them."""
    out = io.StringIO()
    logger = structlog.wrap_logger(
        structlog.WriteLogger(out),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
    )
    with structlog.contextvars.bound_contextvars(request_id=f"req-{run}"):
        for number in range(200):
            logger.info("step done", number=number, share=number / 7, agent={"name": "marie", "tools": ["a", "b"]})
        logger.warning("slow ☂", elapsed=1e-7, big=2**70, nothing=None)
        try:
            {}["missing"]
        except KeyError:
            logger.exception("failed")
    return out.getvalue()


@pytest.mark.parametrize("encoding", COMPRESSIONS)
def test_every_line_is_read_back_field_by_field(clew, encoding):
    run = uuid.uuid4().hex
    text = rendered(run)
    lines = [json.loads(line) for line in text.splitlines()]
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": encoding}
    response = clew.request("POST", "/api/v1/logs", data=COMPRESSIONS[encoding](text.encode()), headers=headers)
    assert (response.status_code, response.json()["accepted"]) == (200, 202)
    read = clew.logs(f"request_id:req-{run}")
    assert len(read) == len(lines) == 202
    for log, line in zip(read, lines, strict=True):
        assert log["message"] == line.pop("event")
        # structlog writes microseconds.
        stamp = line.pop("timestamp")
        assert log["time"] == stamp[:-1] + "000Z"
        assert log["severity_text"] == line.pop("level")
        exact.assert_same(log["attributes"], line)
    assert [log["severity"] for log in read[-3:]] == ["INFO", "WARN", "ERROR"]
    raw = clew.request("GET", "/api/v1/logs", params={"query": f"request_id:req-{run} slow"}).text
    assert '"elapsed":1e-07' in raw and '"big":1180591620717411303424' in raw
    (failed,) = clew.logs(f"request_id:req-{run} AND exception.exc_type:KeyError")
    assert failed["message"] == "failed"
    assert len(clew.logs(f"request_id:req-{run} agent.tools:b number:<10")) == 10
    assert clew.correlate(f"req-{run}")["counts"] == {"logs": 202, "spans": 0, "exemplars": 0}
