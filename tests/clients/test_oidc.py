"""Logging in to the page through a provider of identities that runs here."""

import time
import urllib.parse

import pytest
import requests

import identity_provider

SECRET = "s3cret of the provider"


@pytest.fixture
def server(new_clew):
    clew = new_clew()
    back = clew.url("/api/v1/session/oidc/callback")
    provider = identity_provider.Provider("clew", SECRET, back)
    clew.configure(
        f"auth:\n  mode: oidc\n  oidc:\n    issuer: {provider.issuer}\n    client_id: clew\n"
        f"    client_secret: {SECRET!r}\n    redirect_url: {back}\n    groups: {{ ops: [read, admin], devs: [read] }}\n"
    )
    clew.expect_complaint("nobody was logged in by the provider")
    clew.expect_complaint("credentials were refused")
    yield clew.start(), provider
    provider.close()


def log_in(clew, browser=None):
    """Follows the way of a browser; answers it with the last answer."""
    browser = browser or requests.Session()
    answer = browser.get(clew.url("/api/v1/session/oidc"), headers={"Accept": "text/html"}, timeout=20)
    return browser, answer


def who(clew, browser):
    return browser.get(clew.url("/api/v1/session"), timeout=20).json()


def test_groups_say_what_one_may_do(server):
    clew, provider = server
    assert who(clew, requests.Session()) == {"mode": "oidc", "ways": ["oidc", "token"], "scopes": []}
    for groups, scopes in [(["ops", "others"], ["read", "admin"]), (["devs"], ["read"]), ("devs", ["read"])]:
        provider.person["groups"] = groups
        browser, answer = log_in(clew)
        assert answer.status_code == 200 and answer.url == clew.url("/"), answer.text
        assert who(clew, browser)["principal"] == "oidc:ada" and who(clew, browser)["scopes"] == scopes
        assert browser.get(clew.url("/api/v1/status"), timeout=20).status_code == 200
        reloaded = browser.post(clew.url("/-/reload"), timeout=20).status_code
        assert reloaded == (200 if "admin" in scopes else 403)
        cookies = {cookie.name: cookie for cookie in browser.cookies}
        assert list(cookies) == ["clew_session"] and cookies["clew_session"].has_nonstandard_attr("HttpOnly")
    clew.restart()
    assert who(clew, browser)["principal"] == "oidc:ada", "a restart logs nobody out"
    browser.delete(clew.url("/api/v1/session"), timeout=20)
    assert browser.get(clew.url("/api/v1/status"), timeout=20).status_code == 401


def test_whoever_is_in_no_group_is_not_let_in(server):
    clew, provider = server
    for groups in ([], ["Ops"], "", None, [7], {"ops": 1}):
        provider.person["groups"] = groups
        browser, answer = log_in(clew)
        assert answer.status_code == 403 and "auth.oidc.groups" in answer.text, groups
        assert "principal" not in who(clew, browser)


def test_what_a_lying_provider_answers_is_not_believed(server):
    clew, provider = server
    provider.person["groups"] = ["ops"]
    other = identity_provider.Key()
    now = int(time.time())
    for lies, header, key in [
        ({"aud": "another"}, {}, provider.key),
        ({"iss": "http://evil.example"}, {}, provider.key),
        ({"nonce": "another"}, {}, provider.key),
        ({"exp": now - 3_600, "iat": now - 7_200}, {}, provider.key),
        ({}, {}, other),
        ({}, {"kid": provider.key.id}, other),
        ({}, {"alg": "none"}, provider.key),
        ({}, {"alg": "HS256"}, provider.key),
    ]:
        provider.lies, provider.header_lies, provider.signing_key = lies, header, key
        browser, answer = log_in(clew)
        assert answer.status_code == 403 and "cannot be trusted" in answer.text, (lies, header, answer.text)
        assert "principal" not in who(clew, browser)
    provider.lies, provider.header_lies, provider.signing_key = {}, {}, provider.key
    assert log_in(clew)[1].status_code == 200


def test_a_login_belongs_to_the_browser_that_began_it_and_is_good_once(server):
    clew, provider = server
    provider.person["groups"] = ["ops"]
    mine, theirs = requests.Session(), requests.Session()
    begun = mine.get(clew.url("/api/v1/session/oidc"), allow_redirects=False, timeout=20)
    assert "SameSite=Lax" in begun.headers["Set-Cookie"] and "HttpOnly" in begun.headers["Set-Cookie"]
    at_provider = requests.get(begun.headers["Location"], allow_redirects=False, timeout=20)
    back = at_provider.headers["Location"]
    assert theirs.get(back, timeout=20).status_code == 403, "another browser"
    theirs.get(clew.url("/api/v1/session/oidc"), allow_redirects=False, timeout=20)
    assert theirs.get(back, timeout=20).status_code == 403, "another login"
    wrong = urllib.parse.urlsplit(back)._replace(query="code=x&state=y").geturl()
    assert mine.get(wrong, timeout=20).status_code == 403
    assert mine.get(back, timeout=20).status_code == 200
    again = requests.Session()
    again.cookies.set("clew_login", urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["state"][0])
    assert again.get(back, timeout=20).status_code == 403, "twice"
    assert "principal" not in who(clew, theirs) and "principal" not in who(clew, again)


def test_a_provider_that_refuses_is_told_and_no_secret_is(server):
    clew, provider = server
    provider.client_secret = "another"
    provider.person["groups"] = ["ops"]
    answer = log_in(clew)[1]
    assert answer.status_code == 502
    assert SECRET not in clew.log() and SECRET not in answer.text


def test_a_provider_that_is_away_is_told_and_no_secret_is(server):
    clew, provider = server
    provider.close()
    provider.server.server_close()
    answer = log_in(clew)[1]
    assert answer.status_code == 502 and "cannot be asked" in answer.text
    assert SECRET not in clew.log() and SECRET not in answer.text


def test_groups_and_a_claim_say_of_which_tenants_one_may_read(new_clew):
    clew = new_clew()
    back = clew.url("/api/v1/session/oidc/callback")
    provider = identity_provider.Provider("clew", SECRET, back)
    clew.configure(
        f"tenants: {{ mode: on }}\nauth:\n  mode: oidc\n  oidc:\n    issuer: {provider.issuer}\n    client_id: clew\n"
        f"    client_secret: {SECRET!r}\n    redirect_url: {back}\n    tenants_claim: org\n"
        "    groups: { ops: [read, admin], devs: [read], guests: [read] }\n    tenants: { ops: ['*'], devs: [a, b] }\n"
    )
    clew.start()
    for groups, claim, names, is_any, own in [
        (["devs"], None, ["a", "b"], False, "a"),
        (["devs"], ["c", "*", "../x"], ["a", "b", "c"], False, "a"),
        (["devs", "ops"], "c", [], True, "default"),
    ]:
        provider.person["groups"] = groups
        provider.person["org"] = claim
        browser, _ = log_in(clew)
        assert who(clew, browser)["tenants"] == {"current": own, "names": names, "any": is_any}
        ask = lambda tenant: browser.get(clew.url("/api/v1/status"), headers={"X-Scope-OrgID": tenant}, timeout=20)
        assert ask("b").json()["tenant"] == "b" and ask("d").status_code == (200 if is_any else 403)
        assert browser.get(clew.url("/api/v1/status"), timeout=20).json()["tenant"] == own
        assert browser.get(clew.url("/api/v1/tenants"), timeout=20).status_code == (200 if is_any else 403)
        clew.restart()
        assert who(clew, browser)["tenants"]["names"] == names, "a restart changes nothing of it"
    clew.expect_complaint("nobody was logged in by the provider")
    # Whose only tenant is none that can be is let in nowhere, least of all as `default`.
    provider.person |= {"groups": ["guests"], "org": "acme corp"}
    answer = log_in(clew)[1]
    assert answer.status_code == 403 and "acme corp" in answer.text and "auth.oidc.tenants_claim" in answer.text
    provider.person["org"] = None
    assert who(clew, log_in(clew)[0])["tenants"]["names"] == ["default"]
    clew.stop()
    provider.close()
