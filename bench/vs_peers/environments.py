"""The peers' virtual environments, from PyPI, and what else a contestant needs from the machine: tcmalloc, an OpenMP library.

Each environment is a folder under the cache; one that is there and imports is used as it is. A package that cannot be installed or
imported makes its contestants "not available", with the reason, and nothing else.
"""
import ctypes.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

FREE_BYTES_NEEDED = 10 << 30  # an environment: torch's plain wheel brings its CUDA libraries along
REQUIRED = {
    "torch": ["torch", "transformers", "safetensors", "numpy"],
    # The last versions of IPEX and of the torch it is made for; transformers of that month.
    "ipex": ["torch==2.8.0", "intel_extension_for_pytorch==2.8.0", "transformers==4.55.4", "safetensors", "numpy", "intel-openmp"],
}
ENGINES = {"onnxruntime": ["onnxruntime", "onnx", "onnxscript"], "openvino": ["openvino"], "ctranslate2": ["ctranslate2"]}
MODULES = {"torch": ["torch", "transformers"], "ipex": ["torch", "transformers", "intel_extension_for_pytorch"]}
PROBE = "import importlib, json, sys; print(json.dumps({m: importlib.import_module(m).__version__ for m in sys.argv[1:]}))"


class NotAvailable(Exception):
    """A peer cannot take part; the text says why."""


def last_line(text):
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"


class Environment:
    def __init__(self, name, cache):
        self.name, self.folder = name, pathlib.Path(cache).absolute() / name
        self.versions = {}

    @property
    def python(self):
        return self.folder / "bin" / "python"

    def probe(self, modules):
        """{module: version}; raises NotAvailable when one does not import."""
        if not self.python.exists():
            raise NotAvailable("not installed")
        done = subprocess.run([self.python, "-c", PROBE, *modules], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotAvailable(last_line(done.stderr))
        return json.loads(done.stdout.strip().splitlines()[-1])

    def pip(self, packages):
        done = subprocess.run(["nice", "-n", "10", self.python, "-m", "pip", "install", "--quiet", "--no-cache-dir", *packages],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotAvailable(f"pip install {' '.join(packages)}: {last_line(done.stderr)}")

    def ensure(self):
        """Makes the environment where it is missing; raises NotAvailable."""
        try:
            self.versions = self.probe(MODULES[self.name])
            return
        except NotAvailable:
            pass
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder.parent).free
        if free < FREE_BYTES_NEEDED:
            raise NotAvailable(f"{free / 1e9:.0f} GB are free at --cache, it needs {FREE_BYTES_NEEDED / 1e9:.0f}")
        print(f"setting up {self.folder} from PyPI: {' '.join(REQUIRED[self.name])}", flush=True)
        done = subprocess.run([sys.executable, "-m", "venv", self.folder], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotAvailable(f"python3 -m venv: {last_line(done.stdout + done.stderr)}")
        self.pip(REQUIRED[self.name])
        self.versions = self.probe(MODULES[self.name])

    def ensure_engine(self, engine):
        """An inference engine beside torch; raises NotAvailable."""
        try:
            self.versions |= self.probe([engine])
        except NotAvailable:
            self.pip(ENGINES[engine])
            self.versions |= self.probe([engine])


def find_tcmalloc():
    """Path of libtcmalloc_minimal; installs Debian's package when it may. None where there is none."""
    def found():
        return next((str(path) for folder in ("/usr/lib", "/usr/local/lib", "/usr/lib64")
                     for path in sorted(pathlib.Path(folder).glob("**/libtcmalloc_minimal.so.4"))), None)

    if not found() and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "-q", "install", "-y", "--no-install-recommends", "libtcmalloc-minimal4"],
                       capture_output=True, check=False, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    return found() or ctypes.util.find_library("tcmalloc_minimal")


def variables(contestant, environment, threads, tcmalloc):
    """The environment variables of a contestant, on top of a few that must not leak in."""
    result = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "KMP_", "MKL_", "LD_PRELOAD", "TILEFIT_ISA"))}
    result |= {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONDONTWRITEBYTECODE": "1"}
    if not contestant.tuned:
        return result
    result |= {"OMP_PROC_BIND": "close", "OMP_PLACES": "cores"}
    preload = [tcmalloc] if tcmalloc else []
    openmp = environment.folder / "lib" / "libiomp5.so"
    if contestant.ipex and openmp.exists():  # as IPEX's own guide to launching says
        preload.append(str(openmp))
        result |= {"KMP_AFFINITY": "granularity=fine,compact,1,0", "KMP_BLOCKTIME": "1"}
    if preload:
        result["LD_PRELOAD"] = ":".join(preload)
    return result
