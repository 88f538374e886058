"""Input that is large but right, and just too large: long lines, many keys, many series, with the default limits."""

import json
import time
import uuid

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse

MIB = 1 << 20
JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}


def test_a_line_of_ten_megabytes_is_kept(clew):
    marker = uuid.uuid4().hex
    words = " ".join(f"word{number:07}" for number in range(10 * 10**6 // 12))
    clew.send_logs([{"marker": marker, "message": words}, {"marker": marker, "message": "short"}])
    long, short = clew.logs(f"marker:{marker}")
    assert (long["message"], short["message"]) == (words, "short")
    for query in ["word0000000", "word0400000", "word0833332", '"word0400000 word0400001"']:
        assert [row["id"] for row in clew.logs(f"marker:{marker} AND {query}")] == [long["id"]], query
    assert clew.logs(f"marker:{marker} AND word0833333") == []


def test_a_line_of_twenty_megabytes_is_refused_and_those_beside_it_kept(clew):
    marker = uuid.uuid4().hex
    long = json.dumps({"marker": marker, "message": "x" * (20 * 10**6)})
    response = clew.request("POST", "/api/v1/logs", data=long, headers=JSON)
    assert response.status_code == 413
    assert str(16 * MIB) in response.json()["error"]["message"]
    small = json.dumps({"marker": marker, "message": "small"})
    before = clew.rejected()
    response = clew.request("POST", "/api/v1/logs", data="\n".join([small, long, small]), headers=JSON)
    answer = response.json()
    assert (response.status_code, answer["accepted"], answer["rejected"]) == (200, 2, 1)
    assert answer["errors"][0]["index"] == 1 and str(16 * MIB) in answer["errors"][0]["reason"]
    assert clew.rejected() == before + 1
    assert [log["message"] for log in clew.logs(f"marker:{marker}")] == ["small", "small"]


def test_a_hundred_thousand_keys_over_many_records(clew):
    marker = uuid.uuid4().hex
    records = [
        {"marker": marker, **{f"key_{row * 100 + column}": row for column in range(100)}} for row in range(1_000)
    ]
    clew.send_logs(records)
    read = clew.logs(f"marker:{marker}")
    assert len(read) == 1_000
    # Records of one request without a time have one time; the order of arrival decides among them.
    for log, record in zip(read, records, strict=True):
        assert json.dumps(log["attributes"]) == json.dumps(record)
    (found,) = clew.logs(f"marker:{marker} key_77777:*")
    assert found["attributes"]["key_77777"] == 777
    assert clew.get("/api/v1/logs/fields", query=f"marker:{marker}")["fields"]


@pytest.mark.parametrize("keys", [9_000, 100_000])
def test_many_keys_in_one_record(clew, keys):
    """Below the limit kept, above it refused with the limit named; never cut in silence."""
    marker = uuid.uuid4().hex
    wide = {"marker": marker} | {f"key_{number}": number for number in range(keys)}
    before = clew.rejected()
    response = clew.request("POST", "/api/v1/logs", json=wide)
    answer = response.json()
    assert response.status_code == 200
    if keys < 10_000:
        assert answer == {"accepted": 1, "rejected": 0, "errors": []}
        (log,) = clew.logs(f"marker:{marker}")
        assert log["attributes"] == wide
        return
    assert (answer["accepted"], answer["rejected"]) == (0, 1)
    assert "10000" in answer["errors"][0]["reason"] and "attributes" in answer["errors"][0]["reason"]
    assert clew.rejected() == before + 1
    assert clew.logs(f"marker:{marker}") == []

    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time.time_ns())
    for key, value in wide.items():
        record.attributes.add(key=key).value.string_value = str(value)
    response = clew.request("POST", "/v1/logs", data=request.SerializeToString(), headers=PROTOBUF)
    partial = ExportLogsServiceResponse.FromString(response.content).partial_success
    assert (response.status_code, partial.rejected_log_records) == (200, 1)
    assert "10000" in partial.error_message


def test_memory_stays_within_its_budget_after_all_this(clew):
    """A gigabyte would be a leak: the bodies above are 20 MB at most."""
    resident = clew.own_metrics()[("process_resident_memory_bytes", frozenset())]
    assert resident < 1_500 * MIB
