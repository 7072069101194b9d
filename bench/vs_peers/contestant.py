"""Runs one contestant once: starts its process on the chosen cores, takes the time of every step it reports, and its peak memory.

All contestants are timed alike: by the driver's clock, when the line that ends a step arrives.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from environments import NotAvailable, last_line, variables
from settings import WARMUP

HERE = pathlib.Path(__file__).resolve().parent
LIMIT_S = 3600
STEP = re.compile(r"^step \d+(?: loss (?P<peer>\S+))?$|^\{'loss': (?P<tilefit>[^,}]+)")
READY = re.compile(r"^ready$|\*{5} Running (training|Evaluation)")
FEATURES = re.compile(r"Running tokenizer on \w+ dataset: ([\d,]+) examples, ([\d,]+) features, ([\d,]+) tokens")


def spawn(command, environment, cores):
    """(lines with their time after the start, exit code, peak RSS in bytes) of a command."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                               preexec_fn=lambda: os.sched_setaffinity(0, cores), start_new_session=True)
    timer = threading.Timer(LIMIT_S, lambda: os.killpg(process.pid, signal.SIGKILL))
    timer.start()
    try:
        lines = [(time.monotonic() - start, line.rstrip()) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:  # an interrupt reaches the driver alone
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return lines, process.returncode, usage.ru_maxrss * 1024


def timed_steps(lines):
    """([time of each step's end], [its loss])."""
    times, losses = [], []
    for at, line in lines:
        found = STEP.match(line)
        if found:
            times.append(at)
            loss = found["peer"] or found["tilefit"]
            losses.append(float(loss) if loss else None)
    return times, losses


def ready_s(lines):
    """Seconds from the start until the first step could begin: imports, model and data are read. None when it was not reported."""
    return next((at for at, line in lines if READY.search(line)), None)


def result_of(times, losses, start_s, peak_rss_bytes, batch_size):
    """What one run gives: the measured steps are those after WARMUP."""
    measured = [b - a for a, b in zip(times[WARMUP - 1:], times[WARMUP:])]
    return {"examples_per_s": len(measured) * batch_size / sum(measured), "step_s": measured, "start_s": start_s,
            "peak_rss_bytes": peak_rss_bytes, "losses": losses}


class Runner:
    def __init__(self, tilefit, environments, cores, tcmalloc, scratch):
        self.tilefit, self.environments, self.cores, self.tcmalloc = tilefit, environments, cores, tcmalloc
        self.scratch = pathlib.Path(scratch)

    def run(self, contestant, setting, work):
        """One run's result; work: {"model", "batches", "examples", "tokens", "count", "exported"}. Raises NotAvailable."""
        return self.run_peer(contestant, setting, work) if contestant.environment else self.run_tilefit(contestant, setting, work)

    def run_peer(self, contestant, setting, work):
        environment = self.environments[contestant.environment]
        task = {"model": str(work["model"]), "batches": str(work["batches"]), "padding": setting.padding, "threads": len(self.cores),
                "engine": contestant.engine, "exported": work["exported"].get(contestant.engine),
                **{name: getattr(contestant, name) for name in ("bf16", "tuned", "ipex", "compile")}}
        path = self.scratch / "task.json"
        path.write_text(json.dumps(task))
        script = "peer_step.py" if setting.task == "train" else "peer_infer.py"
        lines, code, peak = spawn([environment.python, HERE / script, path],
                                  variables(contestant, environment, len(self.cores), self.tcmalloc), self.cores)
        times, losses = timed_steps(lines)
        if code != 0 or len(times) != work["count"]:
            raise NotAvailable(f"exit code {code} after {len(times)} steps: {last_line(chr(10).join(line for _, line in lines))}")
        return result_of(times, losses, ready_s(lines), peak, setting.batch_size)

    def run_tilefit(self, contestant, setting, work):
        train = setting.task == "train"
        out = self.scratch / "tilefit_out"
        command = [self.tilefit, "run_qa", "--model_name_or_path", work["model"], "--output_dir", out, "--overwrite_output_dir",
                   "--disable_tqdm", "--overwrite_cache"]  # tokenising counts in the start, as it does for the peers
        if train:
            command += ["--do_train", "--train_file", work["examples"], "--per_device_train_batch_size", setting.batch_size, "--max_steps",
                        work["count"], "--train_sampling_strategy", "sequential", "--logging_steps", 1]
        else:
            command += ["--do_eval", "--validation_file", work["examples"], "--per_device_eval_batch_size", setting.batch_size]
        if contestant.bf16:
            command += ["--bf16" if train else "--bf16_full_eval"]
        lines, code, peak = spawn([str(c) for c in command], variables(contestant, None, len(self.cores), None), self.cores)
        times, losses = timed_steps(lines)
        text = "\n".join(line for _, line in lines)
        if code != 0 or (train and len(times) != work["count"]):
            raise NotAvailable(f"exit code {code} after {len(times)} steps: {last_line(text)}")
        if "means fp32 compute here" in text:
            raise NotAvailable("this tilefit computes bf16 as fp32")
        self.check_features(text, work)
        if not train:
            return self.eval_result(out, setting, ready_s(lines), peak)
        return result_of(times, losses, ready_s(lines), peak, setting.batch_size)

    @staticmethod
    def check_features(text, work):
        """The program must have made the very features that the peers were given."""
        found = FEATURES.search(text)
        made = [int(number.replace(",", "")) for number in found.groups()] if found else None
        expected = [work["rows"], work["rows"], work["tokens"]]
        if made != expected:
            raise NotAvailable(f"made {made} examples, features and tokens where {expected} were given")

    @staticmethod
    def eval_result(out, setting, start_s, peak):
        """The program reports the forward passes' time itself, warm-up included."""
        metrics = json.loads((out / "eval_results.json").read_text())
        batches = metrics["eval_samples"] / setting.batch_size
        return {"examples_per_s": metrics["eval_samples_per_second"], "step_s": [metrics["eval_runtime"] / batches],
                "start_s": start_s, "peak_rss_bytes": peak, "losses": []}
