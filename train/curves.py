#!/usr/bin/env python3
"""Draws the curves of finished runs: curves.py OUT.svg SEGMENTATION_RUN OBSERVER_RUN"""
import json
import sys
from pathlib import Path

W, H, LEFT, TOP = 420, 180, 44, 26


def panel(x0, title, series, low, high, last):
    def at(epoch, value):
        x = x0 + LEFT + epoch / last * (W - LEFT - 14)
        y = TOP + (high - min(max(value, low), high)) / (high - low) * (H - TOP - 26)
        return f"{x:.1f},{y:.1f}"

    out = [f'<text x="{x0 + LEFT}" y="16" font-weight="600">{title}</text>']
    for i in range(5):
        value = low + (high - low) * i / 4
        x, y = at(0, value).split(",")
        out.append(f'<path d="M{x} {y}H{x0 + W - 14}" stroke="#ddd"/>')
        out.append(f'<text x="{x0 + LEFT - 6}" y="{float(y) + 4}" text-anchor="end">{value:.2f}</text>')
    for epoch in (0, last):
        x = at(epoch, low).split(",")[0]
        out.append(f'<text x="{x}" y="{H - 6}" text-anchor="middle">{epoch}</text>')
    for k, (name, points, colour) in enumerate(series):
        line = " ".join(at(e, v) for e, v in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{x0 + W - 20}" y="{H - 60 + 14 * k}" fill="{colour}" text-anchor="end">{name}</text>')
    return "\n".join(out)


def load(run):
    lines = Path(run, "metrics.jsonl").read_text().splitlines()
    records = {r["epoch"]: r for r in map(json.loads, lines)}
    return [records[e] for e in sorted(records)]


def curve(records, key):
    return [(r["epoch"], r["validation"][key]) for r in records if r["validation"]]


def main():
    out, segmentation, observer = sys.argv[1:]
    s, o = load(segmentation), load(observer)
    body = [
        panel(0, "segmentation: mIoU by epoch", [
            ("CamVid val", curve(s, "miou_camvid"), "#0b5cad"),
            ("rendered", curve(s, "miou_rendered"), "#c2410c")], 0, 0.8, s[-1]["epoch"]),
        panel(W, "observer: anomalies by epoch", [
            ("AUROC pasted", curve(o, "auroc_pasted"), "#0b5cad"),
            ("AP pasted", curve(o, "ap_pasted"), "#047857"),
            ("AP rendered", curve(o, "ap_rendered"), "#c2410c")], 0, 1, o[-1]["epoch"]),
    ]
    Path(out).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * W} {H}" font-family="sans-serif" '
        f'font-size="11"><rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(body) + "\n</svg>\n")


main()
