#!/usr/bin/env python3
"""Tests of tools/check_layers.py: a tree that keeps the rules, and one breach of each kind."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_layers.py"


class CheckLayersTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name)
        for name, deps in {"base": "", "kernels": "DEPS base", "tensor": "DEPS kernels", "nn": "DEPS tensor",
                           "dist": "DEPS base LIBS mpi", "tasks": "DEPS nn", "models": "DEPS nn"}.items():
            self.write(f"tilefit/{name}/CMakeLists.txt", f"tilefit_library({name} {deps})\n")

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run_check(self):
        done = subprocess.run([sys.executable, SCRIPT, "--root", self.root], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def assert_breach(self, text):
        code, output = self.run_check()
        self.assertEqual(code, 1, output)
        self.assertIn(text, output)
        self.assertIn("1 breach(es)", output)

    def test_accepts_direct_and_indirect_deps(self):
        self.write("tilefit/nn/linear.h", "// A layer.\n#pragma once\n#include \"tilefit/base/error.h\"\n")
        self.write("tilefit/nn/linear.cc", "#include \"tilefit/nn/linear.h\"\n\n#include \"tilefit/tensor/tensor.h\"\n")
        code, output = self.run_check()
        self.assertEqual(code, 0, output)
        self.assertIn("keep the rules", output)

    def test_names_file_line_and_rule_of_a_layer_breach(self):
        self.write("tilefit/base/log.cc", "// Log.\n#include \"tilefit/nn/linear.h\"\n")
        self.assert_breach("tilefit/base/log.cc:2: base includes nn (the DEPS of tilefit/base/CMakeLists.txt do not reach nn)")

    def test_finds_indented_includes(self):
        self.write("tilefit/base/log.cc", "// Log.\n  #  include   \"tilefit/nn/linear.h\"\n")
        self.assert_breach("tilefit/base/log.cc:2:")

    def test_three_edges_are_forbidden_whatever_deps_say(self):
        for user, used, why in (("nn", "dist", "grads_ready"), ("models", "tasks", "trained for"), ("kernels", "tensor", "strides")):
            with self.subTest(user):
                self.write(f"tilefit/{user}/x.cc", f"// X.\n#include \"tilefit/{used}/y.h\"\n")
                self.assert_breach(f"tilefit/{user}/x.cc:2: {user} includes {used}")
                self.assertIn(why, self.run_check()[1])
                (self.root / f"tilefit/{user}/x.cc").unlink()

    def test_forbidden_edge_in_deps(self):
        self.write("tilefit/models/CMakeLists.txt", "tilefit_library(models\n  DEPS nn tasks)\n")
        self.assert_breach("tilefit/models/CMakeLists.txt:1: models reaches tasks through its DEPS")

    def test_cycle_in_deps(self):
        self.write("tilefit/base/CMakeLists.txt", "tilefit_library(base DEPS dist)\n")
        code, output = self.run_check()
        self.assertEqual(code, 1)
        self.assertIn("base reaches itself through its DEPS", output)

    def test_unknown_folder_in_deps(self):
        self.write("tilefit/nn/CMakeLists.txt", "tilefit_library(nn DEPS tensr)\n")
        self.assert_breach("DEPS of nn name 'tensr'")

    def test_tests_beside_the_source_may_include_what_they_link(self):
        self.write("tilefit/base/log_test.cc", "// Tests.\n#include \"tilefit/nn/linear.h\"\n")
        self.assertEqual(self.run_check()[0], 0)

    def test_heads_guards_ascii_and_unfinished_source(self):
        for name, text, message in (
            ("tilefit/nn/a.h", "#pragma once\n", "tilefit/nn/a.h:1: the first line is no comment"),
            ("tilefit/nn/b.h", "// B.\n", "tilefit/nn/b.h:1: a header without #pragma once"),
            ("tilefit/nn/c.cc", "// C.\n// \u00fcber\n", "tilefit/nn/c.cc:2: a character outside ASCII"),
            ("tools/d.py", "import sys\n", "tools/d.py:1: the first line is no comment"),
            ("tools/e.sh", "#!/bin/sh\necho\n", "tools/e.sh:1: the first line is no comment"),
            ("tilefit/nn/f.cc", "// F.\n// TO" "DO later\n", "tilefit/nn/f.cc:2: unfinished work"),
        ):
            with self.subTest(name):
                self.write(name, text)
                self.assert_breach(message)
                (self.root / name).unlink()


if __name__ == "__main__":
    unittest.main()
