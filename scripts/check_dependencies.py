#!/usr/bin/env python3
"""Checks the dependency tree against deny.toml, offline, with nothing but Python 3.11.

    check_dependencies.py                  licences, bans, sources of this workspace
    check_dependencies.py --metadata FILE  of a saved `cargo metadata --format-version 1`
    check_dependencies.py --self-test      shows that wrong inputs are found

The part of cargo-deny that CI needs (docs/decisions/dependency-check.md): `licenses.allow` and
`exceptions`, `bans.deny`, `wildcards`, `multiple-versions`, `skip`, `sources`. It trusts the licence
that a crate declares and reads no licence texts. A setting it does not know is refused, not passed
over. Exit codes: 0 in order, 1 findings, 2 it could not look.
"""
import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


# The settings that are carried out, or that do not matter to what is checked here.
KNOWN = {
    "licenses": {"allow", "exceptions", "unused-allowed-license", "unused-license-exception",
                 "confidence-threshold", "private", "include-dev"},
    "bans": {"deny", "skip", "multiple-versions", "multiple-versions-include-dev", "wildcards",
              "allow-wildcard-paths"},
    "sources": {"unknown-registry", "unknown-git", "allow-registry", "allow-git"},
}


class SpdxError(ValueError):
    """An expression that is not SPDX."""


def parse_spdx(text):
    """An SPDX expression as nested tuples: ("or", a, b), ("and", a, b) or ("id", "MIT").

    AND binds tighter than OR, WITH tighter than both. "A/B", which crates.io once allowed, is OR.
    """
    tokens = re.findall(r"[()]|[A-Za-z0-9.+:-]+|\S", text.replace("/", " OR "))
    at = 0

    def peek():
        return tokens[at] if at < len(tokens) else None

    def take():
        nonlocal at
        if at == len(tokens):
            raise SpdxError(f"ends too early: {text!r}")
        at += 1
        return tokens[at - 1]

    def name():
        token = take()
        if not re.fullmatch(r"[A-Za-z0-9.+:-]+", token) or token in ("OR", "AND", "WITH"):
            raise SpdxError(f"{token!r} is out of place in {text!r}")
        return token

    def term():
        if peek() == "(":
            take()
            inner = either()
            if take() != ")":
                raise SpdxError(f"bracket not closed: {text!r}")
            return inner
        licence = name()
        if peek() == "WITH":
            take()
            licence = f"{licence} WITH {name()}"
        return ("id", licence)

    def both():
        left = term()
        while peek() == "AND":
            take()
            left = ("and", left, term())
        return left

    def either():
        left = both()
        while peek() == "OR":
            take()
            left = ("or", left, both())
        return left

    tree = either()
    if peek() is not None:
        raise SpdxError(f"{peek()!r} is out of place in {text!r}")
    return tree


def satisfied(tree, allowed):
    """The licences by which an expression is met, or None when it is not."""
    if tree[0] == "id":
        return {tree[1]} if tree[1] in allowed else None
    left, right = satisfied(tree[1], allowed), satisfied(tree[2], allowed)
    if tree[0] == "and":
        return left | right if left is not None and right is not None else None
    return left if left is not None else right


def names(entry):
    """Name and version prefix of an entry of deny.toml: "a@1.2" or { crate = "a@1.2" }."""
    spec = entry if isinstance(entry, str) else entry.get("crate") or entry["name"]
    name, _, version = spec.partition("@")
    return name, version


def matches(entry, package):
    name, version = names(entry)
    found = package["version"]
    return package["name"] == name and (
        not version or found == version or found.startswith((version + ".", version + "+")))


def below(roots, nodes):
    """Ids of the packages that `roots` reach."""
    seen, queue = set(), list(roots)
    while queue:
        package = queue.pop()
        if package not in seen:
            seen.add(package)
            queue += [d["pkg"] for d in nodes.get(package, {}).get("deps", ())]
    return seen


class Report:
    """Findings. Errors fail the check, warnings do not."""

    def __init__(self):
        self.errors, self.warnings = [], []

    def at(self, level, text):
        if level == "deny":
            self.errors.append(text)
        elif level == "warn":
            self.warnings.append(text)
        elif level != "allow":
            raise ValueError(f"deny.toml: {level!r} is no lint level")


def check_licences(config, packages, report):
    common, used, used_exceptions = set(config["allow"]), set(), set()
    exceptions = config.get("exceptions", [])
    for package in packages:
        label = f"{package['name']} {package['version']}"
        if not package.get("license"):
            report.at("deny", f"licenses: {label} declares none")
            continue
        own = [i for i, e in enumerate(exceptions) if matches(e, package)]
        extra = {licence for i in own for licence in exceptions[i]["allow"]}
        try:
            met = satisfied(parse_spdx(package["license"]), common | extra)
        except SpdxError as error:
            report.at("deny", f"licenses: {label}: {error}")
            continue
        if met is None:
            report.at("deny", f"licenses: {label} is {package['license']}, which is not allowed")
            continue
        used |= met & common
        if met & extra - common:
            used_exceptions.update(own)
    for licence in sorted(common - used):
        report.at(config.get("unused-allowed-license", "warn"),
                  f"licenses: {licence} is allowed and no crate needs it")
    for index, entry in enumerate(exceptions):
        if index not in used_exceptions:
            report.at(config.get("unused-license-exception", "warn"),
                      f"licenses: the exception for {names(entry)[0]} is not needed")


def check_bans(config, packages, report):
    for package in packages:
        label = f"{package['name']} {package['version']}"
        for entry in config.get("deny", []):
            if matches(entry, package):
                reason = entry.get("reason", "") if isinstance(entry, dict) else ""
                report.at("deny", f"bans: {label} is banned: {reason}")
        if package["source"] is None:
            for need in package["dependencies"]:
                # As in cargo-deny: a path without a version is fine in what is never published.
                by_path = (need.get("path") and config.get("allow-wildcard-paths")
                           and (package.get("publish") == [] or need["kind"] == "dev"))
                if need["req"] == "*" and not by_path:
                    report.at(config.get("wildcards", "allow"),
                              f"bans: {label} takes any version of {need['name']}")

    versions, skipped = defaultdict(list), set()
    for package in packages:
        versions[package["name"]].append(package)
    for name, several in sorted(versions.items()):
        if len(several) == 1:
            continue
        left = []
        for package in several:
            entry = next((i for i, e in enumerate(config.get("skip", [])) if matches(e, package)),
                         None)
            if entry is not None:
                skipped.add(entry)
            else:
                left.append(package["version"])
        if len(left) > 1:
            report.at(config.get("multiple-versions", "warn"),
                      f"bans: {name} is there as {', '.join(sorted(left))}")
    for index, entry in enumerate(config.get("skip", [])):
        if index not in skipped:
            report.at("warn", f"bans: skip {'@'.join(names(entry))} is not needed")


def check_sources(config, packages, report):
    registries = {f"registry+{url}" for url in config["allow-registry"]}
    gits = tuple(f"git+{url}" for url in config.get("allow-git", []))
    for package in packages:
        source, label = package["source"], f"{package['name']} {package['version']}"
        if source is None or source in registries:
            continue
        if source.startswith("git+"):
            if not gits or not source.startswith(gits):
                report.at(config["unknown-git"], f"sources: {label} comes from {source}")
        else:
            report.at(config["unknown-registry"], f"sources: {label} comes from {source}")


def check(config, metadata):
    """All checks on one `cargo metadata` (its resolve graph says what is really used)."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    reached = below(metadata["workspace_members"], nodes)
    packages = [p for p in metadata["packages"] if p["id"] in reached]
    members = set(metadata["workspace_members"])
    report = Report()
    for package in packages:
        # what lies in vendor/ is held against its release by check_vendor.sh
        vendored = Path(package.get("manifest_path", "")).is_relative_to(ROOT / "vendor")
        if package["source"] is None and package["id"] not in members and not vendored:
            report.at("deny", f"sources: {package['name']} is a path outside the workspace")
    check_licences(config["licenses"], packages, report)
    check_bans(config["bans"], packages, report)
    check_sources(config["sources"], packages, report)
    return packages, report


def cargo_metadata(targets):
    command = ["cargo", "metadata", "--offline", "--locked", "--format-version", "1"]
    for target in targets:
        command += ["--filter-platform", target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stderr)
        sys.stderr.write("check_dependencies: cargo metadata failed; `cargo fetch --locked` first\n")
        sys.exit(2)
    return json.loads(done.stdout)


def self_test(config, metadata):
    """Spoils what is in order, one thing at a time; each must be found, and by its own rule."""
    import copy

    def crate(name, **fields):
        return {"id": f"{name}-id", "name": name, "version": "9.9.9", "license": "MIT",
                "source": "registry+https://github.com/rust-lang/crates.io-index",
                "dependencies": []} | fields

    def add(meta, package):
        meta["packages"].append(package)
        meta["resolve"]["nodes"].append({"id": package["id"], "deps": []})
        member = meta["workspace_members"][0]
        next(n for n in meta["resolve"]["nodes"] if n["id"] == member)["deps"].append(
            {"pkg": package["id"]})

    problems = []

    def expect(what, text, severity="errors", spoil=None, settings=None):
        meta, conf = copy.deepcopy(metadata), copy.deepcopy(config)
        if spoil:
            add(meta, spoil)
        if settings:
            settings(conf)
        found = getattr(check(conf, meta)[1], severity)
        if not any(text in line for line in found):
            problems.append(f"{what}: not found in {severity}")

    expect("GPL crate", "is GPL-3.0-only", spoil=crate("copyleft", license="GPL-3.0-only"))
    expect("GPL by AND", "is MIT AND GPL-3.0-only",
           spoil=crate("half", license="MIT AND GPL-3.0-only"))
    expect("AND before OR", "which is not allowed",
           spoil=crate("prec", license="GPL-3.0-only OR MIT AND AGPL-3.0-only"))
    expect("WITH is another licence", "which is not allowed",
           spoil=crate("with", license="Apache-2.0 WITH LLVM-exception"))
    expect("exception of another crate", "which is not allowed", spoil=crate("isc", license="ISC"))
    expect("no licence", "declares none", spoil=crate("bare", license=None))
    expect("broken expression", "out of place", spoil=crate("odd", license="MIT OR OR Apache-2.0"))
    expect("open bracket", "ends too early", spoil=crate("open", license="(MIT OR Apache-2.0"))
    expect("other registry", "comes from registry+https://example.org",
           spoil=crate("foreign", source="registry+https://example.org/index"))
    expect("git", "comes from git+", spoil=crate("gitted", source="git+https://example.org/x#1"))
    expect("path outside", "path outside", spoil=crate("stray", source=None))
    expect("banned crate", "is banned", spoil=crate("openssl-sys"))
    expect("duplicate", "bans: anyhow is there as", "warnings", crate("anyhow"))
    expect("duplicate, denied", "bans: anyhow is there as", spoil=crate("anyhow"),
           settings=lambda c: c["bans"].update({"multiple-versions": "deny"}))
    expect("unused licence", "EUPL-1.2 is allowed",
           settings=lambda c: c["licenses"]["allow"].append("EUPL-1.2"))
    expect("unused exception", "exception for nobody",
           settings=lambda c: c["licenses"]["exceptions"].append(
               {"crate": "nobody", "allow": ["Zlib"]}))

    allowed = {"MIT", "Apache-2.0", "Unicode-3.0"}
    for text, met in [("MIT", True), ("MIT/GPL-2.0", True), ("GPL-2.0", False),
                      ("(MIT OR GPL-2.0) AND Unicode-3.0", True),
                      ("(MIT OR Apache-2.0) AND ISC", False),
                      ("Apache-2.0 WITH LLVM-exception OR MIT", True)]:
        if (satisfied(parse_spdx(text), allowed) is not None) != met:
            problems.append(f"{text}: expected {'allowed' if met else 'refused'}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metadata", type=Path, help="a saved cargo metadata")
    parser.add_argument("--self-test", action="store_true", help="check the checks")
    args = parser.parse_args()
    config = tomllib.loads((ROOT / "deny.toml").read_text())
    unknown = [f"{section}.{key}" for section in KNOWN for key in config[section].keys()
               if key not in KNOWN[section]]
    if unknown:
        print(f"check_dependencies: deny.toml has settings not known here: {', '.join(unknown)}",
              file=sys.stderr)
        sys.exit(2)
    if args.metadata:
        metadata = json.loads(args.metadata.read_text())
    else:
        metadata = cargo_metadata(config.get("graph", {}).get("targets", []))
    if args.self_test:
        problems = self_test(config, metadata)
        for problem in problems:
            print(f"self-test: {problem}")
        print("self-test: " + ("failed" if problems else "all spoiled inputs were found"))
        sys.exit(1 if problems else 0)
    packages, report = check(config, metadata)
    for warning in report.warnings:
        print(f"warning: {warning}")
    for error in report.errors:
        print(f"error: {error}")
    print(f"{len(packages)} packages: {len(report.errors)} errors, {len(report.warnings)} warnings")
    sys.exit(1 if report.errors else 0)


if __name__ == "__main__":
    main()
