"""Users and tokens that are made while the server runs, by command and over the API; who did what; exports."""

import json
import os
import time
import sqlite3
import subprocess

import requests

import clew_server
from test_log_tail import Tail


def run(clew, *arguments, typed=None, code=0):
    done = subprocess.run(
        [clew_server.binary(), *arguments, "--data-dir", clew.data],
        env={"PATH": os.environ["PATH"]},
        input=typed,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == code, (arguments, done.stdout, done.stderr)
    return done.stdout.strip() if code == 0 else done.stderr


def status(clew, path="/api/v1/status", **options):
    return requests.get(clew.url(path), timeout=20, **options).status_code


def basic(clew):
    clew.expect_complaint("nobody is named who could use the server")
    clew.expect_complaint("credentials were refused")
    return clew.start()


def test_commands_change_a_running_server(new_clew):
    clew = basic(new_clew("auth: { mode: basic }\n"))
    ada, bob = ("ada", "s3cret"), ("bob", "open sesame")
    assert status(clew, auth=ada) == 401
    run(clew, "user", "add", "ada", "--scopes", "read,admin", typed="s3cret\n")
    run(clew, "user", "add", "bob", "--scopes", "ingest", typed="open sesame\n")
    clew_server.wait_until(lambda: status(clew, auth=ada) == 200, 10, "ada is let in")
    clew_server.wait_until(lambda: status(clew, auth=bob) == 403, 10, "bob is known, and may not read")
    token = run(clew, "token", "add", "ci", "--scopes", "read")
    bearer = {"Authorization": f"Bearer {token}"}
    clew_server.wait_until(lambda: status(clew, headers=bearer) == 200, 10, "the token is taken")
    assert run(clew, "user", "list").splitlines() == [
        f"ada\tread,admin\tmade by uid {os.getuid()}",
        f"bob\tingest\tmade by uid {os.getuid()}",
    ]
    assert "s3cret" not in run(clew, "user", "list") and token not in run(clew, "token", "list")
    run(clew, "user", "password", "ada", typed="another\n")
    clew_server.wait_until(lambda: status(clew, auth=("ada", "another")) == 200, 10, "the new password counts")
    assert status(clew, auth=ada) == 401
    run(clew, "token", "remove", "ci")
    clew_server.wait_until(lambda: status(clew, headers=bearer) == 401, 10, "the token is gone")
    for wrong in [
        ["user", "add", "ada", "--scopes", "read"],
        ["user", "remove", "eve"],
        ["token", "remove", "ci"],
        ["user", "add", "a:b", "--scopes", "read"],
        ["user", "add", "eve", "--scopes", "root"],
    ]:
        run(clew, *wrong, typed="x\n", code=1)
    clew.restart()
    assert status(clew, auth=("ada", "another")) == 200
    assert clew.data.joinpath("catalog").stat().st_mode & 0o777 == 0o700
    for file in clew.data.joinpath("catalog").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file


def test_a_command_makes_no_folder_of_a_typing_error(new_clew):
    clew = new_clew()
    assert "start the server once" in run(clew, "user", "list", code=1)
    assert not clew.data.exists()


def test_the_api_makes_changes_and_removes_who_may_use_the_server(new_clew):
    clew = new_clew().start()

    def ask(method, path, expected, **body):
        answer = clew.request(method, f"/api/v1/{path}", json=body or None)
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None

    ask("POST", "users", 201, name="ada", password="s3cret", scopes=["read"])
    ask("POST", "users", 409, name="ada", password="s3cret", scopes=["read"])
    ask("POST", "users", 400, name="bob", password="", scopes=["read"])
    ask("POST", "users", 400, name="bob", password="x", scopes=["root"])
    ask("POST", "users", 400, name="bob", password="x", scopes=[])
    ask("POST", "users", 400, name="bob", secret="hunter2")
    [user] = ask("GET", "users", 200)["users"]
    assert (user["name"], user["scopes"], user["source"], user["created_by"]) == ("ada", ["read"], "catalog", "anonymous")
    ask("PUT", "users/ada", 204, scopes=["read", "admin"])
    ask("PUT", "users/ada", 400)
    ask("PUT", "users/eve", 404, password="x")
    assert ask("GET", "users", 200)["users"][0]["scopes"] == ["read", "admin"]
    made = ask("POST", "tokens", 201, name="agents/prod ☃", scopes=["ingest"])
    assert made["token"].startswith("clew_")
    assert [token["name"] for token in ask("GET", "tokens", 200)["tokens"]] == ["agents/prod ☃"]
    ask("DELETE", "tokens/agents%2Fprod%20%E2%98%83", 204)
    ask("DELETE", "users/ada", 204)
    ask("DELETE", "users/ada", 404)
    log = ask("GET", "audit", 200)["entries"]
    assert [entry["what"] for entry in log] == [
        "user_removed", "token_removed", "token_added", "user_changed", "user_added", "start",
    ]  # fmt: skip
    assert all(entry["origin"] == "127.0.0.1" and entry["who"] == "anonymous" for entry in log[:-1])
    page = ask("GET", f"audit?limit=2&before={log[1]['seq']}", 200)
    assert page["entries"] == log[2:4] and page["next"] == log[3]["seq"]
    text = json.dumps(log)
    assert "s3cret" not in text and made["token"] not in text and "argon2" not in text


def test_who_did_what_is_written_down_and_a_change_is_found(new_clew):
    clew = basic(new_clew("auth: { mode: basic }\n"))
    run(clew, "user", "add", "ada", "--scopes", "read,admin", typed="s3cret\n")
    clew_server.wait_until(lambda: status(clew, auth=("ada", "s3cret")) == 200, 10, "ada is let in")
    browser = requests.Session()
    # A password in the field for the name is written nowhere.
    for name, password in [("correct horse", ""), ("ada", "hunter2"), ("ada", "s3cret")]:
        browser.post(clew.url("/api/v1/session"), json={"name": name, "password": password}, timeout=20)
    browser.post(clew.url("/-/reload"), timeout=20)
    browser.delete(clew.url("/api/v1/session"), timeout=20)
    assert status(clew, "/api/v1/audit") == 401
    entries = requests.get(clew.url("/api/v1/audit"), auth=("ada", "s3cret"), timeout=20).json()["entries"]
    assert [(entry["who"], entry["origin"], entry["what"]) for entry in reversed(entries)] == [
        ("clew", "server", "start"),
        (f"uid {os.getuid()}", "command", "user_added"),
        ("(nobody's name)", "127.0.0.1", "login_failed"),
        ("ada", "127.0.0.1", "login_failed"),
        ("ada", "127.0.0.1", "login"),
        ("ada", "127.0.0.1", "reload"),
        ("ada", "127.0.0.1", "logout"),
    ]
    for secret in ("hunter2", "correct horse"):
        assert secret not in json.dumps(entries) and secret not in clew.log()
    clew.stop()
    told = run(clew, "audit", "verify")
    assert "8 entries" in told and len(told.split()[-1]) == 64
    with sqlite3.connect(clew.data / "catalog/catalog.db") as database:
        database.execute("DROP TRIGGER audit_is_not_changed")
        database.execute("UPDATE audit SET who = 'eve' WHERE seq = 4")
    assert "entry 4 of the audit log was changed" in run(clew, "audit", "verify", code=1)


def test_an_export_is_taken_in_by_another_server(new_clew, tmp_path):
    one, other = basic(new_clew("auth: { mode: basic }\n")), basic(new_clew("auth: { mode: basic }\n"))
    run(one, "user", "add", "ada", "--scopes", "read", typed="s3cret\n")
    token = run(one, "token", "add", "ci", "--scopes", "read")
    file = tmp_path / "people.json"
    run(one, "catalog", "export", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(run(one, "catalog", "export")) == json.loads(file.read_text())
    run(one, "catalog", "export", str(file), code=1)
    with sqlite3.connect(one.data / "catalog/catalog.db") as database:
        [(exports,)] = database.execute("SELECT count(*) FROM audit WHERE what = 'catalog_exported'")
    assert exports == 3, "whoever takes the hashes leaves a trace, even where the file could not be written"
    assert run(other, "catalog", "import", str(file)) == "1 users, 1 tokens"
    clew_server.wait_until(lambda: status(other, auth=("ada", "s3cret")) == 200, 10, "ada is let in there too")
    assert status(other, headers={"Authorization": f"Bearer {token}"}) == 200
    file.write_text(file.read_text().replace("argon2id", "md5"))
    assert "ada" in run(other, "catalog", "import", str(file), code=1)
    assert status(other, auth=("ada", "s3cret")) == 200


def test_a_restart_logs_nobody_out(new_clew):
    clew = basic(new_clew("auth: { mode: basic }\n"))
    run(clew, "user", "add", "ada", "--scopes", "read", typed="s3cret\n")
    clew_server.wait_until(lambda: status(clew, auth=("ada", "s3cret")) == 200, 10, "ada is let in")
    browser = requests.Session()
    browser.post(clew.url("/api/v1/session"), json={"name": "ada", "password": "s3cret"}, timeout=20)
    clew.restart()
    assert browser.get(clew.url("/api/v1/status"), timeout=20).status_code == 200


def test_a_log_out_is_one_after_a_kill_too(new_clew):
    clew = basic(new_clew("auth: { mode: basic }\n"))
    run(clew, "user", "add", "ada", "--scopes", "read", typed="s3cret\n")
    clew_server.wait_until(lambda: status(clew, auth=("ada", "s3cret")) == 200, 10, "ada is let in")
    browser = requests.Session()
    browser.post(clew.url("/api/v1/session"), json={"name": "ada", "password": "s3cret"}, timeout=20)
    cookies = dict(browser.cookies)
    time.sleep(1.5)
    assert requests.get(clew.url("/api/v1/status"), cookies=cookies, timeout=20).status_code == 200
    assert browser.delete(clew.url("/api/v1/session"), timeout=20).status_code == 204
    clew.kill()
    clew.start()
    assert requests.get(clew.url("/api/v1/status"), cookies=cookies, timeout=20).status_code == 401


def test_a_tail_ends_with_the_token_that_opened_it(new_clew):
    clew = basic(new_clew("auth: { mode: token }\n"))
    sends, reads = (run(clew, "token", "add", name, "--scopes", name) for name in ("ingest", "read"))
    header = lambda token: {"Authorization": f"Bearer {token}"}
    clew_server.wait_until(lambda: status(clew, headers=header(reads)) == 200, 10, "the token is taken")
    with Tail(clew, headers=header(reads)) as tail:
        assert tail.event()[0] == "ready"
        clew.send_logs([{"message": "before"}], headers=header(sends) | clew_server.NDJSON)
        assert tail.event()[1]["logs"][0]["message"] == "before"
        run(clew, "token", "remove", "read")
        clew_server.wait_until(lambda: status(clew, headers=header(reads)) == 401, 10, "the token is gone")
        clew.send_logs([{"message": "after"}], headers=header(sends) | clew_server.NDJSON)
        assert tail.event() is None


def test_a_newer_catalog_is_refused_and_a_damaged_one_keeps_nobody_else_out(new_clew):
    clew = new_clew().start()
    clew.stop()
    path = clew.data / "catalog/catalog.db"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    clew.spawn()
    assert clew.process.wait(30) == 1
    assert "written by a newer Clew" in clew.log()
    clew.process = None
    clew._checked = len(clew.log().splitlines())
    for file in path.parent.iterdir():
        file.write_bytes(b"rubbish " * 5_000)
    clew.start()
    clew.expect_complaint("catalog cannot be opened")
    assert clew.get("/api/v1/logs")["logs"] == []
    assert clew.request("GET", "/api/v1/users").status_code in (200, 500)
