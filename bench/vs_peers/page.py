"""Writes docs/benchmarks.md from the raw numbers. Pure: a dictionary in, text out; stdlib only."""
import re

import results

PREAMBLE = """# Benchmarks

tilefit beside other programs on the same machine, with the same models, examples, batches and numbers of threads. This page is written by
`make bench-peers`; do not edit it. Absolute numbers say little about another machine: look at the ratios.

"""

METHOD = """## How it is measured

* Models have random weights, made once and read by all. Windows are cut as run_qa.py does (384 tokens, stride 128) and shuffled once; the
  same windows are in the same batches for every contestant, and tilefit's token count is checked against the peers'.
* Contestants take turns: A B A B ..., one process each time, on the same cores. A number is the median of the rounds, with the least and
  the largest in brackets. A ratio is formed within a round; its median need not be the ratio of the medians.
* A training step is forward, backward, clipping to 1.0, AdamW and the schedule, with dropout. The first 2 steps do not count. Examples
  per second are those of the other steps together.
* tilefit is run as users run it: `tilefit run_qa`, batches without padding. The time until the first step is that from the start of the
  process: imports, reading the model and, for tilefit only, tokenising.
* Peak memory is the process's largest resident set, libraries included.

Contestants:

* **torch**: the newest torch and transformers of PyPI; AdamW as their Trainer has it by default.
* **torch-tuned**, **torch-bf16**: fused AdamW, tcmalloc, OpenMP threads bound to cores; bf16 is autocast.
* **torch-compile**: torch-tuned with torch.compile(dynamic=True).
* **ipex-tuned**, **ipex-bf16**: torch 2.8 with the last Intel Extension for PyTorch (`ipex.optimize`), fused AdamW, tcmalloc and
  Intel's OpenMP; inference without TorchScript.
* In the inference settings **torch**, **ipex**, **onnxruntime** and **ctranslate2** run with tcmalloc and bound threads; **openvino**
  without, for it fails under tcmalloc. onnxruntime and openvino read an
  ONNX file; ctranslate2 computes the encoder only, for it has no question-answering head.

What favours whom:

* For the peers: their training loop is bare. transformers' Trainer adds work to each step, and its tokenising and start
  are not counted. In the tuned settings examples are grouped by length, which changes the order of training; tilefit gains nothing from
  that, for it never pads. Inference counts the peers' batches after the first 2 and all of tilefit's.
* For tilefit: in the default settings the peers compute padding, as run_qa.py does unless told otherwise. That is how it is used, not
  the best it can do: the tuned settings are. A padded loss also runs over padding, so losses of the two differ a little by design.
* tilefit's page, tilefit's choice of settings. The scripts are short, in `bench/vs_peers`: judge them.
"""

REPEAT = """## Repeat it

```sh
make bench-peers
```

makes virtual environments from PyPI under `.cache/peers` (10 GB and more: torch's wheel brings its CUDA libraries), runs everything and
writes this page. `bench/vs_peers/run.py --plan` shows what would run and roughly how long. `--only distilbert-tuned`, `--rounds`,
`--steps` and `--threads` limit it; `--train_file` and `--tokenizer` take your own data; `--doc ''` leaves this page alone.

On a machine with AMX, please send us numbers: one command, one file.

```sh
tilefit bench report
```

It needs neither Python nor a network; the file to send is `tilefit-report.json`. The comparison above runs there too, with its bf16
settings: `make bench-peers ARGS="--only distilbert-tuned-bf16 minilm-tuned-bf16"`.
"""


def machine_section(raw):
    machine = raw["machine"]
    lines = [["what", "here"], ["CPU", machine["cpu"]], ["flags of interest", " ".join(machine["flags"]) or "none"],
             ["cores used", f"{len(machine['cores'])} of {machine['logical_cpus']} logical CPUs, pinned"],
             ["memory", f"{machine['memory_bytes'] / 2**30:.0f} GiB"], ["kernel", machine["kernel"]],
             ["tcmalloc", machine["tcmalloc"] or "not available"]]
    for name, found in raw["versions"].items():
        versions = ", ".join(f"{k} {v}" for k, v in found.items()) if isinstance(found, dict) else f"not available: {found}"
        lines.append([f"environment {name}", versions])
    head = f"## This run\n\n{raw['date']}, {raw['rounds']} rounds, {raw['steps']} measured steps. Command: `{raw['command']}`\n\n"
    return head + results.markdown_table(lines) + "\n"


def summary_section(raw):
    table = [["setting", "fastest peer", "examples/s", "tilefit", "ratio"]]
    for name, setting in raw["settings"].items():
        record = setting["record"]
        best, reference = results.best_peer(record), record["contestants"][record["reference"]]
        if best and any(reference["rounds"]):
            speeds = [results.column(contestant, "examples_per_s") for contestant in (record["contestants"][best], reference)]
            table.append([name, best, *map(results.spread_text, speeds), results.spread_text(results.ratios(record, best))])
    return "## In short\n\n" + results.markdown_table(table) + "\n" if len(table) > 1 else ""


def setting_section(name, setting):
    text = f"### {name}\n\n{setting['title']}; {setting['tokens_per_example']:.0f} tokens an example.\n\n"
    if setting.get("skipped"):
        return text + f"Left out: {setting['skipped']}.\n"
    return text + results.markdown_table(results.rows(setting["record"], setting["task"])) + "\n"


def page(raw):
    parts = [summary_section(raw), machine_section(raw), "## Results\n"]
    parts += [setting_section(name, setting) for name, setting in raw["settings"].items()]
    text = PREAMBLE + "\n".join(part for part in [*parts, METHOD, REPEAT] if part)
    return re.sub(r"\n{3,}", "\n\n", text)
