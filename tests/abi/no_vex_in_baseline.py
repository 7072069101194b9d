#!/usr/bin/env python3
"""Fails when code outside the kernels' ISA namespaces holds AVX or later instructions.

The binary must start on any x86-64-v2 CPU; only functions of tilefit::kernels::{avx2,avx512,avx512_bf16,amx} are run after a look
at the CPU. A header function compiled with AVX in one file and shared by all is the mistake this finds: the linker keeps one copy,
whose instructions an older machine answers with SIGILL. Any VEX or EVEX encoded instruction counts (AVX, AVX-512, BMI, AMX).

Usage: no_vex_in_baseline.py [--objdump objdump] FILE...     (programs, objects or static libraries, not stripped)
"""
import argparse
import re
import subprocess
import sys

# "0000000000001139 <symbol>:"
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
# "  1139:\tc5 f8 77             \tvzeroupper"
INSTRUCTION = re.compile(r"^\s*[0-9a-f]+:\t([0-9a-f ]+)\t(.*)$")
# Mangled names of what is declared in an ISA namespace, whatever it is nested in or called for: functions, templates, local classes.
IN_ISA_NAMESPACE = re.compile(
    r"^_ZZ*(N[VK]*|NK?[RO]?)?7tilefit7kernels(12_GLOBAL__N_1)?(4avx2|6avx512|11avx512_bf16|3amx)(?![0-9]*$)")
# Prefixes that may precede VEX and EVEX: segments and address size.
PREFIXES = {"2e", "36", "3e", "26", "64", "65", "67"}
# In 64-bit code these bytes open a VEX or EVEX instruction and nothing else.
VEX_OR_EVEX = {"c4", "c5", "62"}
SHOWN = 20


def holds_vex(code):
    """True for the bytes ("c5 f8 77") of a VEX or EVEX instruction."""
    for byte in code.split():
        if byte not in PREFIXES:
            return byte in VEX_OR_EVEX
    return False


def breaches(lines):
    """Maps each function outside the ISA namespaces to its VEX instructions; also the number of functions seen, inside and out."""
    found, inside, outside = {}, 0, 0
    symbol, allowed = None, False
    for line in lines:
        function = FUNCTION.match(line)
        if function:
            symbol = function.group(1)
            allowed = IN_ISA_NAMESPACE.match(symbol) is not None
            inside += allowed
            outside += not allowed
            continue
        if allowed:
            continue
        instruction = INSTRUCTION.match(line)
        if instruction and holds_vex(instruction.group(1)):
            found.setdefault(symbol, []).append(instruction.group(2).strip())
    return found, inside, outside


def demangle(symbol):
    """The readable name, where c++filt is there to tell it."""
    try:
        return subprocess.run(["c++filt", symbol], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return symbol


def main():
    """Checks the files of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("files", nargs="+", metavar="FILE")
    args = parser.parse_args()
    failed = False
    for file in args.files:
        command = [args.objdump, "--disassemble", "--insn-width=16", file]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as objdump:
            found, inside, outside = breaches(objdump.stdout)
        if objdump.returncode != 0 or inside + outside == 0:
            print(f"{file}: objdump found no functions (status {objdump.returncode})")
            failed = True
            continue
        for symbol in sorted(found)[:SHOWN]:
            print(f"{file}: {demangle(symbol)}: {len(found[symbol])} AVX instruction(s), first: {found[symbol][0]}")
        if found:
            failed = True
            print(f"{file}: {len(found)} function(s) outside tilefit::kernels::<isa> need more than x86-64-v2. "
                  "Try: end the TF_TARGET region before them, or keep std:: templates out of it")
        else:
            print(f"{file}: {outside} baseline functions without AVX, {inside} in ISA namespaces")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
