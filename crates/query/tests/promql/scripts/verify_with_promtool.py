#!/usr/bin/env python3
"""Compares the instant evals of the scripts here with `promtool test rules`, or writes their expected values.

usage: verify_with_promtool.py [--write] FILE.test ...

promtool before 3.0 has windows closed on the left, 3.x open: scripts marked "verified with promtool" place no sample on
a left boundary, so that both agree. `expect` lines and range evals are left alone. Exit code 1 on a difference.
"""
import json, math, re, subprocess, sys, tempfile


def number(text):
    return float(text.replace("Inf", "inf"))


def go_text(value):
    return repr(value).replace("inf", "Inf").replace("nan", "NaN")


def near(a, b):
    return a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def series(text):
    """Name and labels as a sorted tuple, and the rest of the line."""
    end = text.index("}") + 1 if "{" in text.split(" ")[0] else text.index(" ")
    head, rest = text[:end], text[end:].strip()
    name, _, inner = head.partition("{")
    labels = re.findall(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"', inner)
    if name:
        labels.append(("__name__", name))
    return tuple(sorted(labels)), head, rest


def ask(loads, at, query):
    """What promtool answers: a list of (labels, text of the series, value), or None when it refuses."""
    test = {"evaluation_interval": "1m", "tests": [{
        "interval": loads[0],
        "input_series": [{"series": s, "values": v} for s, v in loads[1]],
        "promql_expr_test": [{"expr": query, "eval_time": at, "exp_samples": [{"labels": 'never_there{}', "value": 4711}]}],
    }]}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(test, file)
        file.flush()
        done = subprocess.run(["promtool", "test", "rules", file.name], capture_output=True, text=True)
    out = done.stdout + done.stderr
    got = re.search(r"got:(.*)", out)
    if not got:
        print(out, file=sys.stderr)
        return None
    found = []
    if got.group(1).strip() != "nil":
        for part in re.findall(r'((?:[A-Za-z_:][A-Za-z0-9_:]*)?\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}|[A-Za-z_:][A-Za-z0-9_:]*) (\S+?)(?:,|$)', got.group(1).strip()):
            labels, head, _ = series(part[0] + " ")
            found.append((labels, head, number(part[1])))
    return found


def main():
    write, bad = "--write" in sys.argv, 0
    for path in [a for a in sys.argv[1:] if not a.startswith("--")]:
        lines, out, loads, i = open(path).read().split("\n"), [], None, 0
        while i < len(lines):
            line = lines[i]
            out.append(line)
            i += 1
            body = []
            while i < len(lines) and lines[i].startswith((" ", "\t")):
                body.append(lines[i].strip())
                i += 1
            if line.startswith("load "):
                pairs = [(s[1], s[2]) for s in map(series, body)]
                loads = (line[5:], pairs)
            checked = re.match(r"eval instant at (\S+) (.*)", line)
            expects = [b for b in body if b.startswith("expect")]
            if checked and not any("fail" in b for b in expects):
                got = ask(loads, checked.group(1), checked.group(2))
                if got is None:
                    print(f"{path}: promtool refuses {line}")
                    bad += 1
                elif write:
                    body = expects + [f"{head} {go_text(value)}" for _, head, value in got]
                else:
                    want = {series(b)[0]: number(series(b)[2]) for b in body if b not in expects}
                    have = {labels: value for labels, _, value in got}
                    if want.keys() != have.keys() or not all(near(want[k], have[k]) for k in want):
                        print(f"{path}: {line}\n  want {want}\n  promtool {have}")
                        bad += 1
            out.extend("  " + b for b in body)
        if write:
            open(path, "w").write("\n".join(out))
    sys.exit(1 if bad else 0)


main()
