#!/usr/bin/env python3
"""Proves that what tilefit wrote is a transformers model: loads it there and compares the numbers and answers.

    tools/check_transformers_loads.py DIR [--tilefit build/release/tilefit]

DIR is an --output_dir of `tilefit run_qa`. Loads it with AutoConfig, AutoTokenizer and AutoModelForQuestionAnswering; fails when a
weight is missing, unexpected or of another shape. Then lets transformers make reference results from it and `tilefit parity` repeat
them, and compares `tilefit predict`'s answers with PyTorch's on three questions. Needs torch, transformers and safetensors:

    python3 -m venv ref && ref/bin/pip install torch transformers safetensors && ref/bin/python tools/check_transformers_loads.py DIR
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    import transformers
except ImportError as error:
    sys.exit(f"check_transformers_loads: {error}. The head of this file says how to make a virtual environment.")

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONTEXT = ("The lighthouse at Lindau was built in 1856 by the railway company. It is 33 metres high and stands at the entrance "
           "of the harbour, opposite a marble lion that looks towards the Alps.")
QUESTIONS = ("When was the lighthouse built?", "How high is the lighthouse?", "What stands opposite the lighthouse?")


def load(directory):
    """Model and tokenizer; fails unless every weight was found and used."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    model, info = transformers.AutoModelForQuestionAnswering.from_pretrained(directory, output_loading_info=True)
    problems = {key: sorted(map(str, info[key])) for key in ("missing_keys", "unexpected_keys", "mismatched_keys") if info.get(key)}
    if problems:
        sys.exit(f"FAILED: transformers reports {json.dumps(problems, indent=1)}")
    print(f"ok: {type(model).__name__}, {type(tokenizer).__name__}: every weight found, none left over")
    return model.eval(), tokenizer


def best_answer(model, tokenizer, question):
    """The best span of at most 30 tokens inside the context, as run_qa's post-processing picks it."""
    encoded = tokenizer(question, CONTEXT, return_tensors="pt", return_offsets_mapping=True)
    offsets = encoded.pop("offset_mapping")[0].tolist()
    sequence_ids = encoded.sequence_ids(0)
    with torch.no_grad():
        result = model(**encoded)
    start, end = result.start_logits[0].tolist(), result.end_logits[0].tolist()
    spans = [(start[i] + end[j], offsets[i][0], offsets[j][1]) for i in range(len(start)) for j in range(i, min(i + 30, len(end)))
             if sequence_ids[i] == 1 and sequence_ids[j] == 1]
    _, begin, stop = max(spans)
    return CONTEXT[begin:stop]


def compare_numbers(directory, tilefit, work):
    reference = pathlib.Path(work) / "reference"
    subprocess.run([sys.executable, ROOT / "tools" / "make_reference.py", directory, "--out", reference], check=True)
    done = subprocess.run([tilefit, "parity", reference], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"FAILED: tilefit parity ended with {done.returncode}\n{done.stdout}{done.stderr}")
    print("\n".join(line for line in done.stdout.splitlines() if "tolerance" in line))
    print("ok: logits, loss and gradients agree")


def compare_answers(model, tokenizer, directory, tilefit, work):
    questions = pathlib.Path(work) / "questions.jsonl"
    questions.write_text("".join(json.dumps({"question": q, "context": CONTEXT}) + "\n" for q in QUESTIONS))
    done = subprocess.run([tilefit, "predict", "--model", directory, "--input", questions, "--output", "json"], capture_output=True,
                          text=True, check=True)
    answers = [json.loads(line)["answer"] for line in done.stdout.splitlines()]
    for question, answer in zip(QUESTIONS, answers, strict=True):
        expected = best_answer(model, tokenizer, question)
        if answer != expected:
            sys.exit(f"FAILED: '{question}': tilefit answers '{answer}', transformers '{expected}'")
    print(f"ok: {len(QUESTIONS)} answers agree")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--tilefit", default=ROOT / "build" / "release" / "tilefit", help="the program")
    arguments = parser.parse_args()
    model, tokenizer = load(arguments.directory)
    with tempfile.TemporaryDirectory() as work:
        compare_numbers(arguments.directory, arguments.tilefit, work)
        compare_answers(model, tokenizer, arguments.directory, arguments.tilefit, work)


if __name__ == "__main__":
    main()
