"""The web page as browsers are sent it, out of the binary."""

import gzip
import posixpath
import re

import pytest

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
# Text beyond so many bytes gets smaller by gzip, whatever it says.
COMPRESSIBLE = 1024
PAGES = ["/", "/logs", "/traces/4bf92f3577b34da6a3ce929d0e0e4736", "/services/check%20out", "/id/task:001"]


def page(clew, path):
    response = clew.request("GET", path, headers=BROWSER)
    assert response.status_code == 200, path
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return response


@pytest.mark.parametrize("path", PAGES)
def test_every_route_of_the_page_answers_it_under_a_strict_policy(clew, path):
    response = page(clew, path)
    policy = {rule.split()[0]: rule.split()[1:] for rule in response.headers["Content-Security-Policy"].split(";")}
    assert policy["default-src"] == ["'self'"] and policy["frame-ancestors"] == ["'none'"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-cache"
    assert not re.search(r"<script>|style=|javascript:", response.text)
    assert clew.request("HEAD", path, headers=BROWSER).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_what_the_page_loads_is_there_at_any_depth(clew, path):
    """By relative links, so that it is there under a prefix too that a proxy strips."""
    text = page(clew, path).text
    assert "without the web page" not in text, "web/dist was not there when the binary was built"
    assert "%clew" not in text
    links = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert links and all(link.startswith(".") for link in links)
    for link in links:
        asset = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
        response = clew.request("GET", asset, headers={"Accept-Encoding": "identity"})
        assert response.status_code == 200 and response.content, asset
        assert not response.headers["Content-Type"].startswith("text/html")
        hashed = asset.startswith("/_app/immutable/")
        assert response.headers["Cache-Control"] == ("public, max-age=31536000, immutable" if hashed else "no-cache")
        check_variants(clew, asset, response)


def check_variants(clew, asset, plain):
    zipped = clew.request("GET", asset, headers={"Accept-Encoding": "gzip"}, stream=True)
    body = zipped.raw.read()
    kind = plain.headers["Content-Type"]
    is_text = any(text in kind for text in ("javascript", "css", "json", "svg"))
    if is_text and len(plain.content) > COMPRESSIBLE:
        assert zipped.headers.get("Content-Encoding") == "gzip", f"{asset} ({kind}) is sent as it is"
    if zipped.headers.get("Content-Encoding") == "gzip":
        assert len(body) < len(plain.content)
        body = gzip.decompress(body)
    assert body == plain.content
    known = {"If-None-Match": plain.headers["ETag"], "Accept-Encoding": "identity"}
    again = clew.request("GET", asset, headers=known)
    assert (again.status_code, again.content) == (304, b"")


def test_apis_and_missing_assets_are_never_answered_by_the_page(clew):
    for path in ["/api/v1/nothing", "/_app/immutable/gone.js", "/v1/nothing", "/loki/api/v1/labels"]:
        response = clew.request("GET", path, headers=BROWSER)
        assert response.status_code == 404, path
        assert response.json()["error"]["code"] == "not_found"
    assert clew.request("GET", "/prometheus/nothing", headers=BROWSER).json()["status"] == "error"
    assert clew.request("POST", "/logs", headers=BROWSER).status_code == 404
    assert clew.request("GET", "/logs", headers={"Accept": "application/json"}).status_code == 404


def test_curl_is_told_where_things_are(clew):
    response = clew.request("GET", "/", headers={"Accept": "*/*"})
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in response.text
