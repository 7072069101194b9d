#!/usr/bin/env python3
"""Runs clang-tidy over our sources, newest change first, and remembers what was clean.

By default the files that differ from the main branch (or are not committed); --all takes every file. A result is kept by
the hash of the preprocessed source, so an unchanged file costs a second. --budget SECONDS stops starting files after that
time and says how many were left.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "tilefit" / "tidy"


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split("\n") if done.returncode == 0 else []


def changed_files():
    """Paths that differ from main's merge base, or from the commit before when we are on it."""
    base = next((line for ref in ("origin/main", "main") for line in git("merge-base", "HEAD", ref) if line), "HEAD")
    if [base] == git("rev-parse", "HEAD")[:1]:
        base = "HEAD~1"
    return set(git("diff", "--name-only", base)) | set(git("ls-files", "--others", "--exclude-standard"))


def newest_first(entries):
    """Compile commands ordered by the last commit that touched the file (files git has not seen come first)."""
    order = {}
    for line in git("log", "--format=", "--name-only", "-n", "500"):
        order.setdefault(line, len(order))
    return sorted(entries, key=lambda entry: order.get(os.path.relpath(entry["file"], ROOT), -1))


def preprocess_hash(entry, salt):
    """Hash of everything that clang-tidy's answer depends on; None where the file does not preprocess."""
    command = re.sub(r" -o \S+", "", entry["command"]).replace(" -c ", " -E ")
    done = subprocess.run(command, shell=True, cwd=entry["directory"], capture_output=True, check=False)
    return hashlib.sha256(salt + done.stdout).hexdigest() if done.returncode == 0 else None


def tidy(entry, build, salt):
    """(finding text or "", was it remembered)."""
    key = preprocess_hash(entry, salt)
    if key and (CACHE / key).exists():
        return "", True
    done = subprocess.run(["clang-tidy", "-p", build, "--quiet", entry["file"]], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    if done.returncode == 0:
        if key:
            CACHE.mkdir(parents=True, exist_ok=True)
            (CACHE / key).touch()
        return "", False
    return done.stdout or done.stderr, False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", required=True, help="build folder with compile_commands.json made by clang")
    parser.add_argument("--all", action="store_true", help="every file, not only the changed ones")
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds")
    arguments = parser.parse_args()

    entries = json.loads((ROOT / arguments.build / "compile_commands.json").read_text())
    entries = [entry for entry in entries if str(ROOT) in entry["file"] and "/build/" not in entry["file"]]
    if not arguments.all:
        changed = changed_files()
        entries = [entry for entry in entries if os.path.relpath(entry["file"], ROOT) in changed]
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    salt = version + (ROOT / ".clang-tidy").read_bytes()

    end = time.monotonic() + arguments.budget
    failed = remembered = left = 0

    def work(entry):
        return tidy(entry, arguments.build, salt) if time.monotonic() < end else None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry, result in zip(newest_first(entries), pool.map(work, newest_first(entries))):
            if result is None:
                left += 1
                continue
            remembered += result[1]
            if result[0]:
                failed += 1
                print(f"tidy: {os.path.relpath(entry['file'], ROOT)}\n{result[0]}", flush=True)
    print(f"tidy: {len(entries) - left} files checked ({remembered} unchanged since a clean check), {failed} with findings"
          + (f"; time was up before {left} older files" if left else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
