"""The OpenAPI description: well-formed, and true of the running server."""

import re

import pytest

METHODS = {"get", "post", "put", "delete", "patch", "head", "options", "trace"}


@pytest.fixture
def description(clew):
    return clew.get("/api/v1/openapi.json")


def references(node):
    """All `$ref`s below a node."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def resolve(description, reference):
    assert reference.startswith("#/"), reference
    node = description
    for part in reference[2:].split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def operations(description):
    for path, item in description["paths"].items():
        for method in METHODS & item.keys():
            yield path, method, item[method]


def test_the_description_is_well_formed(description):
    """The rules of OpenAPI 3.1 that tools stumble over."""
    assert re.fullmatch(r"3\.1\.\d+", description["openapi"])
    assert description["info"]["title"] and description["info"]["version"]
    for reference in references(description):
        assert resolve(description, reference), reference
    identifiers = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(set(identifiers)) == len(identifiers)
    for path, method, operation in operations(description):
        assert path.startswith("/"), path
        in_path = {own["name"] for own in operation.get("parameters", []) if own["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path)), path
        assert all(own["required"] for own in operation.get("parameters", []) if own["in"] == "path")
        assert operation["responses"], (method, path)
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d|default", status)
            assert "$ref" in response or isinstance(response["description"], str)


def test_the_contracts_paths_are_described(description):
    described = {(path, method) for path, method, _ in operations(description)}
    assert {
        ("/api/v1/logs", "get"),
        ("/api/v1/logs", "post"),
        ("/api/v1/logs/histogram", "get"),
        ("/api/v1/logs/fields", "get"),
        ("/api/v1/logs/fields/{name}/values", "get"),
        ("/api/v1/logs/{id}/context", "get"),
        ("/api/v1/logs/tail", "get"),
        ("/api/v1/traces", "get"),
        ("/api/v1/traces/{id}", "get"),
        ("/api/v1/services", "get"),
        ("/api/v1/services/{name}", "get"),
        ("/api/v1/service-map", "get"),
        ("/api/v1/correlate/{id}", "get"),
        ("/api/v1/resolve", "get"),
        ("/api/v1/status", "get"),
        ("/api/v1/session", "get"),
        ("/api/v1/session", "post"),
        ("/api/v1/session", "delete"),
    } <= described


def test_every_described_path_answers_as_described(clew, description):
    for path, method, operation in operations(description):
        concrete = path.replace("{id}", "0af7651916cd43dd8448eb211c80319c").replace("{name}", "level")
        assert "{" not in concrete
        params = {
            own["name"]: "task:001"
            for own in operation.get("parameters", [])
            if own["in"] == "query" and own["required"]
        }
        body = b'{"message":"for the description"}' if method == "post" else None
        # A stream of events does not end by itself: its head is what is looked at.
        with clew.request(method.upper(), concrete, params=params, data=body, stream=True) as response:
            responses = operation["responses"]
            assert str(response.status_code) in responses, (method, path)
            assert response.status_code != 405
            described = responses[str(response.status_code)].get("content")
            if described is None:
                assert response.content == b"" and "Content-Type" not in response.headers, (method, path)
                continue
            assert response.headers["Content-Type"].partition(";")[0] in described, (method, path)
