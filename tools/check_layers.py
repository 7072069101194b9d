#!/usr/bin/env python3
"""Checks the rules that a compiler does not: which folder may include which, file heads, ASCII.

The DEPS in tilefit/*/CMakeLists.txt are the allowed edges; a folder may also use what its DEPS use. Three edges are
forbidden whatever DEPS say (ARCHITECTURE.md has the reasons). Tests beside the source may include what they link.
Prints one line per breach, "file:line: what (rule)", and exits 1 when there is any.
"""
import argparse
import pathlib
import re
import sys

FORBIDDEN = {
    ("nn", "dist"): "layers know nothing of ranks: overlap goes through the grads_ready hook",
    ("models", "tasks"): "a model knows nothing of what it is trained for",
    ("kernels", "tensor"): "kernels take pointers, sizes and strides",
}
SOURCE_DIRS = ("tilefit", "tests", "bench", "tools", "cmake")
COMMENT = {".cc": "//", ".h": "//", ".py": '"""', ".sh": "#", ".cmake": "#", ".txt": "#"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"tilefit/([a-z_]+)/[^"]+"')
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")


def read_deps(root):
    """{folder: (set of DEPS, path, line)} from the tilefit_library() calls."""
    deps = {}
    for path in sorted((root / "tilefit").glob("*/CMakeLists.txt")):
        text = path.read_text(encoding="utf-8")
        for call in re.finditer(r"tilefit_library\(\s*(\w+)([^)]*)\)", text):
            named = re.search(r"\bDEPS\b(.*?)(?:\bLIBS\b|$)", call.group(2), re.S)
            folders = set(named.group(1).split()) if named else set()
            deps[call.group(1)] = (folders, path, text.count("\n", 0, call.start()) + 1)
    return deps


def closure(deps, folder, seen=None):
    """All folders that `folder` may use, through any number of DEPS."""
    seen = set() if seen is None else seen
    for dep in deps.get(folder, (set(),))[0]:
        if dep not in seen:
            seen.add(dep)
            closure(deps, dep, seen)
    return seen


def check_deps(deps):
    for folder, (named, path, line) in deps.items():
        reach = closure(deps, folder)
        for dep in sorted(named - deps.keys()):
            yield path, line, f"DEPS of {folder} name '{dep}', which is no folder with a tilefit_library() call (deps)"
        if folder in reach:
            yield path, line, f"{folder} reaches itself through its DEPS (no cycles)"
        for (user, used), why in FORBIDDEN.items():
            if user == folder and used in reach:
                yield path, line, f"{user} reaches {used} through its DEPS ({why})"


def check_includes(deps, folder, path, lines):
    allowed = closure(deps, folder) | {folder}
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if not found or found.group(1) in allowed:
            continue
        used = found.group(1)
        why = FORBIDDEN.get((folder, used), f"the DEPS of tilefit/{folder}/CMakeLists.txt do not reach {used}")
        yield path, number, f"{folder} includes {used} ({why})"


def check_text(path, lines):
    """Heads, include guards, ASCII, nothing left unfinished."""
    first = next((line for line in lines if not line.startswith("#!")), "")
    # x.cc needs no head where x.h has one, and x_test.cc none where x.h or x.cc is there: its name says what it is.
    tested = path.stem.removesuffix("_test")
    headed = path.suffix == ".cc" and (path.with_name(tested + ".h").exists()
                                       or tested != path.stem and path.with_name(tested + ".cc").exists())
    if not headed and not first.startswith(COMMENT[path.suffix]):
        yield path, 1, "the first line is no comment that says what the file is (file heads)"
    # Vector code is included once per instruction set, so without a guard.
    per_isa = path.stem.endswith("-inl") or path.parent.name == "isa"
    if path.suffix == ".h" and not per_isa and "#pragma once" not in lines:
        yield path, 1, "a header without #pragma once (include guard)"
    for number, line in enumerate(lines, 1):
        if not line.isascii():
            yield path, number, "a character outside ASCII; use an escape (ASCII source)"
        if UNFINISHED.search(line):
            yield path, number, "unfinished work is noted in an issue, not in the source (finished source)"


def source_files(root):
    for top in SOURCE_DIRS:
        for path in sorted((root / top).rglob("*")):
            build_file = path.name == "CMakeLists.txt" or path.suffix != ".txt"
            if path.suffix in COMMENT and build_file and path.is_file() and "golden" not in path.relative_to(root).parts[:2]:
                yield path


def check(root):
    """All breaches of the tree at `root`, as (path, line, text)."""
    deps = read_deps(root)
    breaches = list(check_deps(deps))
    for path in source_files(root):
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except UnicodeDecodeError:
            breaches.append((path, 1, "is not UTF-8 (ASCII source)"))
            continue
        parts = path.relative_to(root).parts
        if parts[0] == "tilefit" and len(parts) > 2 and path.suffix in (".cc", ".h") and not path.stem.endswith("_test"):
            breaches += check_includes(deps, parts[1], path, lines)
        # The one line of a folder's CMakeLists.txt says what it is.
        if path.name != "CMakeLists.txt" or lines[0].startswith("#"):
            breaches += check_text(path, lines)
    return breaches


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root
    breaches = check(root)
    for path, line, text in breaches:
        print(f"{path.relative_to(root)}:{line}: {text}")
    if breaches:
        print(f"layers: {len(breaches)} breach(es) of the rules in ARCHITECTURE.md and CONTRIBUTING.md")
        return 1
    print(f"layers: {len(list(source_files(root)))} files keep the rules")
    return 0


if __name__ == "__main__":
    sys.exit(main())
