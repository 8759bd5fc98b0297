#!/usr/bin/env python3
"""Asks a Prometheus what each panel of dashboard.json would show now.

    look.py [http://127.0.0.1:9090]

Prints a line for each query: how many series it gave, and the last value of one of them. A query that gives nothing makes
the exit code 1: a dashboard rots silently otherwise.
"""
import json
import pathlib
import sys
import urllib.parse
import urllib.request

prometheus = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:9090"
dashboard = json.loads((pathlib.Path(__file__).parent / "dashboard.json").read_text())


def ask(query):
    url = prometheus + "/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as refused:
        print(refused.read().decode(), file=sys.stderr)
        return []


empty = 0
for panel in dashboard["panels"]:
    for target in panel.get("targets", []):
        query = target["expr"].replace("$job", "gridtie").replace("$instance", ".*")
        series = ask(query)
        empty += not series
        shown = series[0]["value"][1][:12] if series else "NOTHING"
        print(f'{panel["title"][:32]:34}{target["legendFormat"][:22]:24}{len(series):4} series, {shown}')
print(f"{empty} queries gave nothing")
sys.exit(empty > 0)
