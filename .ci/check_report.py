#!/usr/bin/env python3
"""Opens a report in headless Chromium: not blank, no console message of an error, no request.

    check_report.py REPORT.html SCREENSHOT.png
    check_report.py --self-test

Every host name and address is mapped to nothing, and the net log is read: a report that asks for
anything but itself fails even if it would look right without it. So does one that names a file.
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
MIN_PNG = 20_000  # an empty page of this size is under 12 kB


def look(page, screenshot):
    """Problems of a page, and its screenshot."""
    page, screenshot = Path(page).resolve(), Path(screenshot).resolve()
    screenshot.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="lookout-report-") as scratch:
        log = Path(scratch) / "net.json"
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
             f"--user-data-dir={scratch}/profile", f"--log-net-log={log}",
             "--net-log-capture-mode=Default", "--window-size=1280,2000",
             "--virtual-time-budget=4000", f"--screenshot={screenshot}", page.as_uri()],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180)
        events = log.read_text() if log.exists() else ""
    problems = []
    if done.returncode:
        problems.append(f"chromium ended with {done.returncode}: {done.stderr[-2000:]}")
    if not screenshot.exists():
        return problems + ["no screenshot"]
    if screenshot.stat().st_size < MIN_PNG:
        problems.append(f"the page is blank: a screenshot of {screenshot.stat().st_size} bytes")
    for line in done.stderr.splitlines():
        if "CONSOLE" in line:
            problems.append(f"console: {line.split('] ', 1)[-1]}")
    if not events:
        return problems + ["no net log"]
    requested = set()
    for event in json.loads(events)["events"]:
        params = event.get("params", {})
        # What the browser asks for itself (updates, sign-in) has no origin.
        if "url" in params and params.get("initiator", "not an origin") != "not an origin":
            requested.add(params["url"])
    problems += [f"request: {url}" for url in sorted(requested)]
    # Files are not in the net log: what the markup may name is itself and data. Links are free.
    markup = re.sub(r"(?is)(<script\b[^>]*>).*?</script>", r"\1", page.read_text(encoding="utf-8"))
    named = re.findall(r"""(?i)<(?!a\s)[a-z][^<>]*?\s(?:src|href|poster)\s*=\s*["']?([^"'\s>]+)""",
                       markup)
    named += re.findall(r"""(?i)(?:\burl\(|@import)\s*["']?([^"'\s>)]+)""", markup)
    problems += [f"request: {name}" for name in sorted(set(named) - requested)
                 if not name.startswith(("data:", "#"))]
    return problems


def self_test():
    """Pages with one fault each; every fault must be found."""
    noise = "".join(f"<i style='background:hsl({n * 37 % 360},80%,{n * 13 % 90}%)'>{n * n}</i> "
                    for n in range(3000))
    pages = {
        "good": (noise + "<a href='https://example.com'>link</a><img src='data:image/gif;base64,"
                 "R0lGODlhAQABAAAAACw='><script>const src = 'x', data = [1]</script>", None),
        "blank": ("", "blank"),
        "script error": (noise + "<script>nothere()</script>", "console"),
        "picture from the network": (noise + "<img src='http://example.com/a.png'>", "request"),
        "script from an address": (noise + "<script src='http://192.0.2.1/a.js'></script>",
                                   "request"),
        "fetch": (noise + "<script>fetch('https://example.com/x').catch(()=>{})</script>",
                  "request"),
        "stray file": (noise + "<img src='beside.png'>", "request"),
    }
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, (body, expected) in pages.items():
            page = Path(folder) / "page.html"
            page.write_text(f"<!doctype html><meta charset=utf-8><title>t</title>{body}")
            problems = look(page, Path(folder) / "shot.png")
            right = (any(p.startswith(expected) or expected in p for p in problems)
                     if expected else not problems)
            failed += not right
            print(f"{'ok' if right else 'WRONG'}: {name}: {problems}")
    sys.exit(1 if failed else 0)


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    if len(sys.argv) != 3:
        sys.exit("usage: check_report.py REPORT.html SCREENSHOT.png")
    problems = look(sys.argv[1], sys.argv[2])
    for problem in problems:
        print(f"{sys.argv[1]}: {problem}")
    print(json.dumps({"report": sys.argv[1], "problems": len(problems)}))
    sys.exit(1 if problems else 0)


main()
