#!/usr/bin/env python3
"""Compares tilefit with its peers on this machine, and writes the raw numbers and docs/benchmarks.md. Needs PyPI the first time.

    bench/vs_peers/run.py [--plan] [--only SETTING[:CONTESTANT] ...] [--rounds 3] [--steps 6] [--threads 2]

--plan lists what would run, with an estimate of the time. --setup only prepares. --from_json FILE writes the page anew from raw numbers.
--only takes exact names, or beginnings with a "*" behind: distilbert-tuned, 'minilm*', 'distilbert-tuned:torch*'.
The page tells how it is measured; settings.py has the settings.
"""
import argparse
import datetime
import itertools
import json
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile

import page
import results
import settings
from contestant import Runner
from environments import ENGINES, Environment, NotAvailable, find_tcmalloc, last_line

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
INTERESTING_FLAGS = ("avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="times that every contestant runs (default %(default)s)")
    parser.add_argument("--steps", type=int, default=6, help="measured steps of one run, after 2 (default %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="compute threads, one a physical core (default %(default)s)")
    parser.add_argument("--only", nargs="+", default=[], metavar="SETTING[:CONTESTANT]", help="only these settings")
    parser.add_argument("--plan", action="store_true", help="show what would run, and stop")
    parser.add_argument("--setup", action="store_true", help="make environments, models and batches, and stop")
    parser.add_argument("--tilefit", type=pathlib.Path, default=ROOT / "build/release/tilefit", help="the program")
    parser.add_argument("--cache", type=pathlib.Path, default=ROOT / ".cache/peers", help="environments and models (default .cache/peers)")
    parser.add_argument("--train_file", type=pathlib.Path, default=ROOT / "data/squad-sample/train-v1.1-sample.json.gz",
                        help="SQuAD's nested JSON")
    parser.add_argument("--tokenizer", type=pathlib.Path, help="directory with a BERT tokenizer of 30522 words (default: the demo model's)")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "out/vs_peers.json", help="raw numbers (default out/vs_peers.json)")
    parser.add_argument("--doc", default=str(ROOT / "docs/benchmarks.md"), help="the page; '' writes none (default docs/benchmarks.md)")
    parser.add_argument("--add", action="store_true", help="keep the other settings of an earlier --json of the same machine and numbers")
    parser.add_argument("--from_json", type=pathlib.Path, help="write --doc from these raw numbers, and stop")
    arguments = parser.parse_args()
    if min(arguments.rounds, arguments.steps, arguments.threads) < 1:
        parser.error("--rounds, --steps and --threads are at least 1")
    return arguments


def command_text(arguments):
    """The command without paths: those differ elsewhere."""
    words = ["bench/vs_peers/run.py"]
    for name in ("rounds", "steps", "threads"):
        words += [f"--{name}", str(getattr(arguments, name))]
    return shlex.join(words + (["--only", *arguments.only] if arguments.only else []))


def physical_cores(count):
    """One logical CPU of each of `count` physical cores that this process may use."""
    seen, chosen = set(), []
    for cpu in sorted(os.sched_getaffinity(0)):
        path = pathlib.Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = path.read_text().strip() if path.exists() else str(cpu)
        if core not in seen:
            seen.add(core)
            chosen.append(cpu)
    if len(chosen) < count:
        sys.exit(f"run.py: --threads {count}, but this process may use {len(chosen)} physical cores")
    return chosen[:count]


def describe_machine(cores, tcmalloc):
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").replace("\t", "").splitlines()
    info = dict(line.split(":", 1) for line in lines if ":" in line)
    flags = info.get("flags", "").split()
    return {"cpu": info.get("model name", platform.processor()).strip(), "flags": [f for f in INTERESTING_FLAGS if f in flags],
            "cores": cores, "logical_cpus": os.cpu_count(), "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "kernel": f"{platform.system()} {platform.release()}", "tcmalloc": pathlib.Path(tcmalloc).name if tcmalloc else None}


def find_tokenizer(arguments):
    if arguments.tokenizer:
        return arguments.tokenizer
    done = subprocess.run([ROOT / "tools/fetch_demo_model.sh"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"run.py: no tokenizer: {last_line(done.stderr)}. Try: --tokenizer DIR")
    return (ROOT / done.stdout.strip()).resolve()


def make_environments(arguments, plan):
    """({name: Environment}, {name: versions or reason}, {(environment, engine): reason})."""
    environments, versions, missing = {}, {}, {}
    # torch's prepares the workload, so it is always needed.
    for name in dict.fromkeys(["torch", *(c.environment for _, contestants in plan for c in contestants if c.environment)]):
        environments[name] = Environment(name, arguments.cache)
        try:
            environments[name].ensure()
        except NotAvailable as reason:
            missing[name, None] = versions[name] = str(reason)
            continue
        for engine in sorted({c.engine for _, contestants in plan for c in contestants if c.environment == name} & ENGINES.keys()):
            try:
                environments[name].ensure_engine(engine)
            except NotAvailable as reason:
                missing[name, engine] = str(reason)
        versions[name] = environments[name].versions
    return environments, versions, missing


class Workload:
    """Models, batches and exports in the cache."""

    def __init__(self, arguments, python):
        self.folder, self.steps, self.python = arguments.cache.absolute() / "work", arguments.steps, python
        self.folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([python, HERE / "prepare.py", arguments.train_file.resolve(), find_tokenizer(arguments), self.folder],
                              capture_output=True, text=True, check=False, env=os.environ | {"HF_HUB_OFFLINE": "1"})
        if done.returncode != 0:
            sys.exit(f"run.py: prepare.py failed: {last_line(done.stderr)}")
        print(f"examples: {done.stdout.strip().splitlines()[-1]}")
        self.pool = json.loads((self.folder / "pool.json").read_text())

    def work(self, setting):
        """Writes the batches of a setting for the peers, and the same examples in the same order for tilefit."""
        chosen = settings.choose_batches([len(w["ids"]) for w in self.pool], setting, self.steps)
        windows = [self.pool[i] for batch in chosen for i in batch]
        folder = self.folder / setting.name
        folder.mkdir(exist_ok=True)
        keys = ("ids", "type_ids", "start", "end")
        (folder / "batches.json").write_text(json.dumps([[{k: self.pool[i][k] for k in keys} for i in batch] for batch in chosen]))
        rows = [json.dumps({"id": str(number), **window["example"]}) for number, window in enumerate(windows)]
        (folder / "examples.jsonl").write_text("\n".join(rows) + "\n")
        return {"model": self.folder / "models" / setting.model, "batches": folder / "batches.json", "examples": folder / "examples.jsonl",
                "count": len(chosen), "rows": len(windows), "tokens": sum(len(w["ids"]) for w in windows), "exported": {}}

    def export(self, engine, setting):
        """Path of the model in the form that an engine reads, made where it is missing. Raises NotAvailable."""
        form = "ctranslate2" if engine == "ctranslate2" else "onnx"
        out = self.folder / f"{setting.model}-{form}" / ("" if form == "ctranslate2" else "model.onnx")
        marker = self.folder / f"{setting.model}-{form}.done"
        if not marker.exists():
            done = subprocess.run([self.python, HERE / "peer_infer.py", "--export", form, self.folder / "models" / setting.model, out],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise NotAvailable(f"export: {last_line(done.stderr)}")
            marker.touch()
        return str(out)


def prepare_setting(setting, contestants, workload, missing):
    """(work, empty record with the reasons of those that cannot take part)."""
    work = workload.work(setting)
    record = {"reference": contestants[0].name, "contestants": {}}
    for contestant in contestants:
        reason = missing.get((contestant.environment, None)) or missing.get((contestant.environment, contestant.engine))
        if not reason and contestant.engine in ENGINES:
            try:
                work["exported"][contestant.engine] = workload.export(contestant.engine, setting)
            except NotAvailable as error:
                reason = str(error)
        record["contestants"][contestant.name] = {"rounds": [], "missing": reason}
    return work, record


def reference_first(record):
    """tilefit's next contestant stands in for a reference that cannot run (tilefit-bf16 where the program has no bf16)."""
    able = [n for n, c in record["contestants"].items() if n.startswith("tilefit") and not c["missing"]]
    if able and record["contestants"][record["reference"]]["missing"]:
        record["reference"] = able[0]


def run_setting(setting, contestants, work, record, rounds, runner, save):
    for number in range(rounds):
        for contestant in contestants:
            entry = record["contestants"][contestant.name]
            if entry["missing"]:
                continue
            try:
                result = runner.run(contestant, setting, work)
            except NotAvailable as reason:
                entry["missing"], result = str(reason), None
                print(f"  {contestant.name}: {reason}", flush=True)
            entry["rounds"].append(result)
            reference_first(record)
            save()
            if result:
                print(f"  round {number + 1} {contestant.name:14} {results.number(result['examples_per_s'])} examples/s", flush=True)


def show_plan(arguments, plan, flags):
    total = 0.0
    for setting, contestants in plan:
        skipped = bf16_skip(setting, flags)
        once = sum(settings.estimate_s(setting, c, arguments.steps, arguments.threads) for c in contestants)
        seconds = 0.0 if skipped else arguments.rounds * once
        total += seconds
        print(f"{setting.name:24} {', '.join(c.name for c in contestants)}: {skipped or f'about {seconds / 60:.0f} min'}")
    print(f"in all about {total / 60:.0f} minutes; besides, once, minutes for the environments")


def bf16_skip(setting, flags):
    return "the CPU has neither avx512_bf16 nor AMX" if setting.bf16 and not set(settings.BF16_FLAGS) & set(flags) else None


def write_page(path, raw):
    if path:
        pathlib.Path(path).write_text(page.page(raw), encoding="utf-8")
        print(f"wrote {path}")


def add_earlier(path, raw):
    """Puts the settings of an earlier run into `raw`; it must be one of the same kind."""
    earlier = json.loads(path.read_text())
    for name in ("machine", "rounds", "steps"):
        if earlier[name] != raw[name]:
            sys.exit(f"run.py: --add: {path} has another '{name}': {earlier[name]}, now {raw[name]}")
    raw["settings"] = earlier["settings"]
    for name, found in earlier["versions"].items():
        if isinstance(found, dict) and isinstance(raw["versions"].get(name, {}), dict):
            raw["versions"][name] = found | raw["versions"].get(name, {})


def scratch_parent():
    """Memory rather than a disk, where there is enough: each training run saves its model at the end."""
    memory = pathlib.Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 << 30 else None


def compare(arguments, plan):
    if not os.access(arguments.tilefit, os.X_OK):
        sys.exit(f"run.py: {arguments.tilefit} is no program. Try: make, or --tilefit FILE")
    cores, tcmalloc = physical_cores(arguments.threads), find_tcmalloc()
    environments, versions, missing = make_environments(arguments, plan)
    if ("torch", None) in missing:
        sys.exit(f"run.py: the torch environment, which also prepares the work, is not available: {missing['torch', None]}")
    version = subprocess.run([arguments.tilefit, "--version"], capture_output=True, text=True, check=True).stdout.split()
    raw = {"date": datetime.date.today().isoformat(), "command": command_text(arguments), "rounds": arguments.rounds,
           "steps": arguments.steps, "machine": describe_machine(cores, tcmalloc),
           "versions": {"tilefit": {"tilefit": version[-1]}, **versions}, "settings": {}}
    if arguments.add and arguments.json.exists():
        add_earlier(arguments.json, raw)
    workload = Workload(arguments, environments["torch"].python)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)

    def save():
        arguments.json.write_text(json.dumps(raw, indent=1) + "\n")

    with tempfile.TemporaryDirectory(dir=scratch_parent(), prefix="vs_peers-") as scratch:
        runner = Runner(arguments.tilefit.resolve(), environments, cores, tcmalloc, scratch)
        for setting, contestants in plan:
            work, record = prepare_setting(setting, contestants, workload, missing)
            entry = {"title": setting.title(), "task": setting.task, "tokens_per_example": work["tokens"] / work["rows"], "record": record,
                     "skipped": bf16_skip(setting, raw["machine"]["flags"])}
            raw["settings"][setting.name] = entry
            print(f"\n{setting.name}: {entry['skipped'] or entry['title']}", flush=True)
            if arguments.setup or entry["skipped"]:
                continue
            run_setting(setting, contestants, work, record, arguments.rounds, runner, save)
            print(results.text_table(results.rows(record, setting.task)), flush=True)
    if arguments.setup:
        return 0
    save()
    print(f"\nraw numbers: {arguments.json}")
    write_page(arguments.doc, raw)
    # A peer may be missing; without tilefit there is nothing to compare.
    entries = itertools.chain.from_iterable(e["record"]["contestants"].items() for e in raw["settings"].values() if not e["skipped"])
    return 1 if any(name == "tilefit" and c["missing"] for name, c in entries) else 0


def main():
    arguments = parse_arguments()
    if arguments.from_json:
        write_page(arguments.doc, json.loads(arguments.from_json.read_text()))
        return 0
    plan = settings.selected(arguments.only)
    if not plan:
        sys.exit(f"run.py: no setting matches --only. There are: {', '.join(s.name for s in settings.SETTINGS)}")
    if arguments.plan:
        show_plan(arguments, plan, describe_machine([], None)["flags"])
        return 0
    return compare(arguments, plan)


if __name__ == "__main__":
    sys.exit(main())
