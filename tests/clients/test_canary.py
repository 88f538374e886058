"""`clew canary` beside a server that is killed and started again: everything acknowledged is there, once, in order; and it
says so where something is not.

`CLEW_CANARY_SECONDS` sets how long it watches; `make torture` lets it for longer.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import time

from clew_server import binary, wait_until
from load import SMALL_MEMORY

SEED = 8
SECONDS = float(os.environ.get("CLEW_CANARY_SECONDS", "8"))
SIGNALS = ("logs", "metrics", "traces")


def canary(clew, *options):
    """Its output goes to a file: nobody reads a pipe meanwhile, and a full one would hold it up."""
    command = [str(binary()), "canary", "--url", clew.url("/"), "--interval", "20ms", "--report", "1s", *options]
    with open(clew.folder / "canary.log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    process.log_path = clew.folder / "canary.log"
    return process


def finished(process):
    """The exit code and all that it said."""
    process.wait(90)
    return process.returncode, process.log_path.read_text()


def ended(process):
    """The same, and of each signal the figures of its last line."""
    code, text = finished(process)
    figures = {}
    for line in text.splitlines():
        if line.startswith(SIGNALS) and " written " in line:
            figures[line.split()[0]] = {name: int(count) for name, count in re.findall(r"(\w+) (\d+)(?= |$)", line)}
    assert set(figures) == set(SIGNALS), text
    print("\n".join(text.splitlines()[-3:]))
    return code, figures, text


def test_a_server_that_is_killed_meanwhile_loses_nothing(new_clew):
    dice = random.Random(SEED)
    clew = new_clew(SMALL_MEMORY)
    clew.expect_complaint("torn|tail")
    clew.start()
    process = canary(clew)
    try:
        until = time.monotonic() + SECONDS
        kills = 0
        while time.monotonic() < until:
            time.sleep(dice.uniform(0.5, 2.0))
            clew.kill()
            kills += 1
            clew.start()
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        code, figures, text = ended(process)
    finally:
        process.kill()
    assert code == 0, text
    for name in SIGNALS:
        own = figures[name]
        assert own["written"] > 10 * kills and own["written"] - 2 <= own["read"] <= own["written"], text
        assert own["missing"] == own["doubled"] == own["disordered"] == 0, text
        # Each kill was noticed by somebody who wrote or read.
    assert sum(figures[name]["unanswered"] + figures[name]["unread"] for name in SIGNALS) >= kills, text
    print(f"{kills} kills")
    clew.stop()


def test_what_is_lost_is_told(new_clew):
    clew = new_clew()
    clew.start()
    process = canary(clew, "--wait", "20s")
    try:
        wait_until(lambda: len(clew.logs()) > 20, 20, "the canary writes")
        clew.kill()
        # Nobody says that something was here.
        shutil.rmtree(clew.data)
        clew.start()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        code, figures, text = ended(process)
    finally:
        process.kill()
    assert code == 1, text
    for name in SIGNALS:
        assert figures[name]["missing"] >= 15 and f"{name}: " in text and "are missing, number 0 first" in text, text
    clew.stop()


def test_it_says_why_nothing_could_be_written_and_what_is_wrong_with_its_options(new_clew):
    clew = new_clew("auth:\n  mode: token\n  tokens: []\n")
    clew.start()
    process = canary(clew, "--duration", "1s", "--wait", "1s")
    code, text = finished(process)
    assert code == 1 and "logs: nothing was acknowledged: " in text, text
    assert "CLEW_TOKEN" in text, text
    clew.expect_complaint(".")
    clew.stop()
    command = [str(binary()), "canary", "--url", clew.url("/"), "--interval", "1ms"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    text = process.stderr
    assert process.returncode == 2 and "--interval is at least 10 ms" in text, text
