"""What an OTLP request says, in the shape in which Clew's REST API answers it.

The request is the protobuf message that the SDK's own encoder made, walked with Google's classes: nothing of Clew takes
part, so a field that Clew loses or bends shows.
"""

import math


def any_value(value):
    """An `AnyValue` as JSON; bytes as hex, and the doubles that JSON has no word for as text."""
    kind = value.WhichOneof("value")
    match kind:
        case None:
            return None
        case "array_value":
            return [any_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return attributes(value.kvlist_value.values)
        case "bytes_value":
            return value.bytes_value.hex()
        case "double_value":
            return double(value.double_value)
        case _:
            return getattr(value, kind)


def double(number):
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return number


def attributes(pairs):
    """Attributes in the order they were sent."""
    return {pair.key: any_value(pair.value) for pair in pairs}


def present(**fields):
    """The fields that are not at their protobuf default, in order."""
    return {name: value for name, value in fields.items() if value not in ("", 0, None, [])}


def resource(message, schema_url):
    rest = present(schema_url=schema_url, dropped_attributes_count=message.dropped_attributes_count)
    own = attributes(message.attributes)
    return {"attributes": own} | rest if own or rest else None


def scope(message, schema_url):
    rest = present(schema_url=schema_url, dropped_attributes_count=message.dropped_attributes_count)
    own = attributes(message.attributes)
    if not (message.name or message.version or own or rest):
        return None
    return {"name": message.name} | present(version=message.version) | {"attributes": own} | rest


KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"]
STATUS_CODES = ["unset", "ok", "error"]


def spans(requests):
    """The spans of `ExportTraceServiceRequest`s as `GET /api/v1/traces/{id}` shows them, without the RFC 3339 times."""
    for request in requests:
        for of_resource in request.resource_spans:
            for of_scope in of_resource.scope_spans:
                for message in of_scope.spans:
                    yield span(message) | present(
                        resource=resource(of_resource.resource, of_resource.schema_url),
                        scope=scope(of_scope.scope, of_scope.schema_url),
                        service=service(of_resource.resource),
                    )


def span(message):
    return {
        "trace_id": message.trace_id.hex(),
        "span_id": message.span_id.hex(),
        "name": message.name,
        "kind": KINDS[message.kind],
        "start_unix_nano": str(message.start_time_unix_nano),
        "end_unix_nano": str(message.end_time_unix_nano),
        "duration_nanos": message.end_time_unix_nano - message.start_time_unix_nano,
        "status": {"code": STATUS_CODES[message.status.code]} | present(message=message.status.message),
        "attributes": attributes(message.attributes),
    } | present(
        parent_span_id=message.parent_span_id.hex(),
        events=[event(own) for own in message.events],
        links=[link(own) for own in message.links],
        trace_state=message.trace_state,
        flags=message.flags,
        dropped_attributes_count=message.dropped_attributes_count,
        dropped_events_count=message.dropped_events_count,
        dropped_links_count=message.dropped_links_count,
    )


def event(message):
    return {
        "time_unix_nano": str(message.time_unix_nano),
        "name": message.name,
        "attributes": attributes(message.attributes),
    } | present(dropped_attributes_count=message.dropped_attributes_count)


def link(message):
    return (
        {"trace_id": message.trace_id.hex(), "span_id": message.span_id.hex()}
        | present(trace_state=message.trace_state)
        | {"attributes": attributes(message.attributes)}
        | present(flags=message.flags, dropped_attributes_count=message.dropped_attributes_count)
    )


# https://opentelemetry.io/docs/specs/otel/logs/data-model/#displaying-severity
SEVERITIES = [""] + [name for name in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL") for _ in range(4)]


def logs(requests):
    """The records of `ExportLogsServiceRequest`s as `GET /api/v1/logs` shows them, without ID and RFC 3339 times."""
    for request in requests:
        for of_resource in request.resource_logs:
            for of_scope in of_resource.scope_logs:
                for message in of_scope.log_records:
                    yield (
                        log(message)
                        | present(
                            resource=resource(of_resource.resource, of_resource.schema_url),
                            scope=scope(of_scope.scope, of_scope.schema_url),
                        )
                        | {"service": service(of_resource.resource)}
                    )


def service(of_resource):
    """The service of a resource; one that names none is the unknown one (semantic conventions, "Service")."""
    return attributes(of_resource.attributes).get("service.name") or "unknown_service"


def log(message):
    return {
        "time_unix_nano": str(message.time_unix_nano or message.observed_time_unix_nano),
        "severity": SEVERITIES[message.severity_number],
        "severity_number": message.severity_number,
        "severity_text": message.severity_text,
        "message": any_value(message.body),
        "attributes": attributes(message.attributes),
    } | present(
        trace_id=message.trace_id.hex(),
        span_id=message.span_id.hex(),
        flags=message.flags,
        event_name=message.event_name,
        dropped_attributes_count=message.dropped_attributes_count,
    )
