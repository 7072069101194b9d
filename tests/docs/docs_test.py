#!/usr/bin/env python3
"""Tests of the documents: what they tell a reader to type, and where they point, must exist.

    docs_test.py TILEFIT [unittest arguments]

Every "$ command" of a ```console block is run, and its output must be as shown ("..." stands for any lines). In ```sh blocks the verbs and
flags of tilefit, the targets of make and the scripts must exist. Relative links, and `folder/file` names in ARCHITECTURE.md, must resolve.
"""
import functools
import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TILEFIT = None  # path of the program, from the command line
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text_of(page), re.S | re.M)


def sh_commands(page):
    """The commands of a page's sh blocks, as lists of words; continuation lines joined, comments dropped."""
    for block in blocks(page, "sh"):
        for line in re.sub(r"\\\n", " ", block).splitlines():
            words = shlex.split(line.replace("<this repository>", "URL"), comments=True)
            if words:
                yield words


@functools.cache
def verb_help(verb):
    done = subprocess.run([TILEFIT, verb, "--help"], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def matches(shown, printed):
    """Whether printed lines are the shown ones, "..." standing for any lines."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(matches(shown[1:], printed[skip:]) for skip in range(len(printed) + 1))
    return bool(printed) and shown[0] == printed[0] and matches(shown[1:], printed[1:])


class DocsTest(unittest.TestCase):
    def test_console_blocks_print_what_is_shown(self):
        environment = os.environ | {"PATH": f"{pathlib.Path(TILEFIT).parent}:{os.environ['PATH']}"}
        ran = 0
        for page in PAGES:
            for block in blocks(page, "console"):
                for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
                    command, *shown = part.rstrip("\n").split("\n")
                    done = subprocess.run(command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
                    self.assertEqual(done.returncode, 0, f"{page.name}: $ {command}\n{done.stderr}")
                    self.assertTrue(matches(shown, done.stdout.splitlines()), f"{page.name}: $ {command}\nprints\n{done.stdout}")
                    ran += 1
        self.assertGreater(ran, 0)

    def test_verbs_and_flags_exist(self):
        for page in PAGES:
            for words in sh_commands(page):
                if "tilefit" not in words or words[0] in ("cd", "git"):
                    continue
                verb, *rest = words[words.index("tilefit") + 1:]
                shown = verb_help(verb)
                self.assertIsNotNone(shown, f"{page.name}: 'tilefit {verb}' is no verb: {' '.join(words)}")
                for flag in (word.split("=")[0] for word in rest if word.startswith("--")):
                    self.assertRegex(shown, rf"{re.escape(flag)}(?![\w-])", f"{page.name}: 'tilefit {verb}' has no flag {flag}")

    def test_make_targets_exist(self):
        targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.M))
        for page in PAGES:
            inline = [shlex.split(code) for code in re.findall(r"`(make [^`]*)`", text_of(page))]
            for words in [*sh_commands(page), *inline]:
                if "make" not in words or "apt-get" in words:
                    continue
                named = [word for word in words[words.index("make") + 1:] if re.fullmatch(r"[a-z-]+", word)]
                self.assertLessEqual(set(named), targets, f"{page.name}: {' '.join(words)}")

    def test_scripts_exist(self):
        for page in PAGES:
            for script in set(re.findall(r"\btools/[\w.]+\.(?:sh|py)\b", text_of(page))):
                self.assertTrue((ROOT / script).exists(), f"{page.name} names {script}")
                self.assertTrue(os.access(ROOT / script, os.X_OK), f"{page.name} names {script}, which is not executable")

    def test_links_resolve(self):
        for page in PAGES:
            for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text_of(page)):
                if "://" not in link:
                    self.assertTrue((page.parent / link).exists(), f"{page.name} links to {link}")

    def test_source_files_named_in_the_map_exist(self):
        folders = "|".join(path.name for path in (ROOT / "tilefit").iterdir() if path.is_dir())
        pages = [page for page in PAGES if page.name == "ARCHITECTURE.md" or page.name.startswith("add-a-")]
        for page in pages:
            for name in re.findall(rf"`((?:{folders})/[a-z0-9_/]+\.(?:h|cc))`", text_of(page)):
                self.assertTrue((ROOT / "tilefit" / name).exists(), f"{page.name} names {name}")

    def test_table_of_layers_equals_the_build_files(self):
        told = dict(re.findall(r"^\| `(\w+)/` \|.*\| ([a-z ]+|-) \|$", text_of(ROOT / "ARCHITECTURE.md"), re.M))
        built = {}
        for path in (ROOT / "tilefit").glob("*/CMakeLists.txt"):
            call = re.search(r"tilefit_library\(\s*(\w+)([^)]*)\)", text_of(path))
            deps = re.search(r"\bDEPS\b(.*?)(?:\bLIBS\b|$)", call.group(2), re.S)
            built[call.group(1)] = " ".join(deps.group(1).split()) if deps else "-"
        self.assertEqual(told, built)


if __name__ == "__main__":
    TILEFIT = os.path.abspath(sys.argv.pop(1))
    unittest.main()
