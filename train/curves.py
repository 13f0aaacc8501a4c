#!/usr/bin/env python3
"""Draws the curves of a run of lookout-train: curves.py OUT.svg RUN"""
import json
import sys
from pathlib import Path

W, H, LEFT, TOP = 460, 200, 44, 26
COLOURS = ["#0b5cad", "#c2410c", "#047857", "#7c3aed", "#be185d", "#4d7c0f"]


def panel(x0, title, series, last):
    def at(step, value):
        x = x0 + LEFT + step / last * (W - LEFT - 14)
        y = TOP + (1 - min(max(value, 0), 1)) * (H - TOP - 26)
        return f"{x:.1f},{y:.1f}"

    out = [f'<text x="{x0 + LEFT}" y="16" font-weight="600">{title}</text>']
    for i in range(5):
        value = i / 4
        y = at(0, value).split(",")[1]
        out.append(f'<path d="M{x0 + LEFT} {y}H{x0 + W - 14}" stroke="#ddd"/>')
        out.append(f'<text x="{x0 + LEFT - 6}" y="{float(y) + 4}" text-anchor="end">{value:.2f}</text>')
    for step in (0, last):
        x = at(step, 0).split(",")[0]
        out.append(f'<text x="{x}" y="{H - 6}" text-anchor="middle">{step}</text>')
    for k, (name, points) in enumerate(series.items()):
        colour = COLOURS[k % len(COLOURS)]
        line = " ".join(at(step, value) for step, value in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = H - 34 - 13 * (len(series) - 1 - k)
        out.append(f'<text x="{x0 + W - 20}" y="{y}" fill="{colour}" text-anchor="end">{name}</text>')
    return "\n".join(out)


def load(network):
    lines = Path(network, "metrics.jsonl").read_text().splitlines()
    # a step that was done again after a stop counts once, the later time
    records = {record["step"]: record for record in map(json.loads, lines)}
    return [records[step] for step in sorted(records) if records[step]["validation"]]


def series(records, pick):
    out = {}
    for record in records:
        for name, value in pick(record["validation"]).items():
            out.setdefault(name, []).append((record["step"], value))
    return out


def main():
    out, run = sys.argv[1:]
    segmentation, observer = load(Path(run, "segmentation")), load(Path(run, "observer"))
    miou = series(segmentation, lambda v: {**v["miou"], "rendered": v["miou_rendered"]})
    ap = series(observer, lambda v: {name: figures["ap"] for name, figures in v.items()})
    body = [
        panel(0, "segmentation: mIoU by step", miou, segmentation[-1]["step"]),
        panel(W, "observer: AP of pasted things by step", ap, observer[-1]["step"]),
    ]
    Path(out).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * W} {H}" font-family="sans-serif" '
        f'font-size="11"><rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(body) + "\n</svg>\n")


main()
