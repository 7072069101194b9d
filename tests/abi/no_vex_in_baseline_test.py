#!/usr/bin/env python3
"""Tests of no_vex_in_baseline.py on small objects compiled here: what it must find and what it must leave alone.

Usage: no_vex_in_baseline_test.py COMPILER
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent / "no_vex_in_baseline.py"
ROOT = SCRIPT.parents[2]
COMPILER = sys.argv.pop(1)

# No <immintrin.h>: it takes a second to compile. In a target region plain float arithmetic is VEX encoded too.
HEAD = '''
#include "tilefit/kernels/isa/target.h"
'''
KERNELS = HEAD + '''
float plain(float x) { return x + 1; }
TF_TARGET_BEGIN("avx2,fma,f16c,bmi2")
namespace tilefit::kernels::avx2 {
namespace {
template <class T>
__attribute__((noinline)) T add(T a, T b) { return a + b; }
}
struct Vec {
  float v __attribute__((vector_size(32)));
  __attribute__((noinline)) void operator+=(const Vec& o) { v += o.v; }
};
void kernel(Vec* x, float* y, unsigned* z) {
  const auto twice = [&](int i) __attribute__((noinline)) { x[i] += x[i]; };
  twice(8);
  y[0] = add(y[1], y[2]);
  z[0] = __builtin_ia32_pdep_si(z[1], z[2]);
}
}
TF_TARGET_END
'''


class NoVexTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()

    def tearDown(self):
        self.folder.cleanup()

    def check(self, source, *flags):
        folder = pathlib.Path(self.folder.name)
        (folder / "case.cc").write_text(source, encoding="utf-8")
        command = [COMPILER, "-std=c++20", "-O2", "-march=x86-64-v2", *flags, "-I", ROOT, "-c", folder / "case.cc", "-o", folder / "case.o"]
        subprocess.run(command, check=True)
        done = subprocess.run([sys.executable, SCRIPT, folder / "case.o"], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def test_kernels_in_their_namespace_pass(self):
        for level in ("-O0", "-O2"):
            code, output = self.check(KERNELS, level)
            self.assertEqual(code, 0, output)
            self.assertRegex(output, r"baseline functions without AVX, [1-9]\d* in ISA namespaces")

    def test_a_function_outside_is_found(self):
        code, output = self.check(HEAD + 'TF_TARGET_BEGIN("avx2")\nnamespace tilefit::kernels {\n'
                                  "void stray(float* x) { *x += 1; }\n}\nTF_TARGET_END\n")
        self.assertEqual(code, 1, output)
        self.assertIn("tilefit::kernels::stray(float*): ", output)
        self.assertIn("1 function(s) outside", output)

    def test_a_shared_std_function_is_found(self):
        code, output = self.check("#include <vector>\nnamespace tilefit::kernels::avx512 {\n"
                                  "void grow(std::vector<float>& v, float x) { v.insert(v.begin(), 3, x); }\n}\n", "-mavx512f", "-fno-inline")
        self.assertEqual(code, 1, output)
        self.assertIn("std::", output)
        self.assertNotIn("avx512::grow", output)

    def test_an_evex_instruction_is_found(self):
        code, output = self.check(HEAD + 'TF_TARGET_BEGIN("avx512f")\n'
                                  "typedef float Vec __attribute__((vector_size(64)));\nvoid stray(Vec* x) { x[0] += x[1]; }\nTF_TARGET_END\n")
        self.assertEqual(code, 1, output)
        self.assertIn("zmm", output)

    def test_names_that_only_mention_a_kernel_namespace_are_not_excused(self):
        code, output = self.check(HEAD + "namespace tilefit::kernels::avx2 { struct Tag {}; }\n"
                                  'TF_TARGET_BEGIN("avx2")\ntemplate <class T>\n'
                                  "void stray(float* x) { *x += 1; }\nTF_TARGET_END\n"
                                  "template void stray<tilefit::kernels::avx2::Tag>(float*);\n")
        self.assertEqual(code, 1, output)

    def test_a_file_without_code_fails(self):
        done = subprocess.run([sys.executable, SCRIPT, __file__], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("objdump found no functions", done.stdout)


if __name__ == "__main__":
    unittest.main()
