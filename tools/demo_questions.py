#!/usr/bin/env python3
"""The demo's five questions: picks them from the test sample, writes them for `tilefit predict`, shows the answers.

    demo_questions.py count DATA_DIR                 prints the numbers of train and test questions
    demo_questions.py write DATA_DIR OUT.jsonl       one {"id", "question", "context"} a line
    demo_questions.py show DATA_DIR ANSWERS.json     answers beside the expected ones
"""
import gzip
import json
import pathlib
import sys

NUMBER = 5


def questions(data_dir, part):
    """[(context, question-and-answers)] of one part ("train", "dev") in file order."""
    with gzip.open(pathlib.Path(data_dir) / f"{part}-v1.1-sample.json.gz", "rt", encoding="utf-8") as file:
        data = json.load(file)["data"]
    return [(p["context"], qa) for article in data for p in article["paragraphs"] for qa in p["qas"]]


def chosen(data_dir):
    """Five questions spread evenly over the test sample, so over its articles."""
    every = questions(data_dir, "dev")
    return [every[(2 * i + 1) * len(every) // (2 * NUMBER)] for i in range(NUMBER)]


def write(data_dir, path):
    with open(path, "w", encoding="utf-8") as file:
        for context, qa in chosen(data_dir):
            file.write(json.dumps({"id": qa["id"], "question": qa["question"].strip(), "context": context}) + "\n")


def answers_of(text):
    """The answers in order, from one JSON list or one object a line."""
    try:
        found = json.loads(text)
        found = found if isinstance(found, list) else [found]
    except json.JSONDecodeError:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [item["answer"] for item in found]


def show(data_dir, path):
    given = answers_of(pathlib.Path(path).read_text(encoding="utf-8"))
    for (_, qa), answer in zip(chosen(data_dir), given, strict=True):
        expected = list(dict.fromkeys(a["text"] for a in qa["answers"]))
        print(f"  question  {qa['question'].strip()}")
        print(f"  answer    {answer}")
        print(f"  expected  {' | '.join(expected)}\n")


def main():
    if sys.argv[1:2] == ["count"] and len(sys.argv) == 3:
        print(len(questions(sys.argv[2], "train")), len(questions(sys.argv[2], "dev")))
    elif sys.argv[1:2] == ["write"] and len(sys.argv) == 4:
        write(*sys.argv[2:])
    elif sys.argv[1:2] == ["show"] and len(sys.argv) == 4:
        show(*sys.argv[2:])
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
