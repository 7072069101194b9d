"""Makes what all contestants share: models with random weights, and one pool of question-answering windows. Runs in a peer's environment.

    prepare.py TRAIN_FILE TOKENIZER_DIR OUT_DIR

OUT_DIR/models/NAME gets config.json, model.safetensors and the tokenizer's files. OUT_DIR/pool.json gets a list of windows as run_qa.py
cuts them (384 tokens, stride 128), each with its own example (the context cut to the window), so that one example is one feature for every
contestant: {"ids", "type_ids", "start", "end", "example"}. Windows that do not give the same number of tokens again are left out.
"""
import gzip
import json
import pathlib
import random
import shutil
import sys

import torch
import transformers

from settings import DOC_STRIDE, MAX_LENGTH, MODELS

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")


def read_squad(path):
    """[(question, context, answer text, answer start)] of the official nested JSON, gzip or not."""
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        articles = json.load(file)["data"]
    return [(qa["question"].strip(), p["context"], qa["answers"][0]["text"], qa["answers"][0]["answer_start"])
            for article in articles for p in article["paragraphs"] for qa in p["qas"] if qa["answers"]]


def window(row, offsets, is_context):
    """The example of one window: the context cut to it, and an answer in it (its first word where the real one lies outside)."""
    question, context, text, start = row
    spans = [o for o, inside in zip(offsets, is_context) if inside]
    begin, end = spans[0][0], spans[-1][1]
    cut = context[begin:end]
    if not (begin <= start and start + len(text) <= end):
        text, start = context[spans[0][0]:spans[0][1]], begin
    return {"question": question, "context": cut, "answers": {"text": [text], "answer_start": [start - begin]}}


def encode(tokenizer, rows):
    return tokenizer([r[0] for r in rows], [r[1] for r in rows], truncation="only_second", max_length=MAX_LENGTH, stride=DOC_STRIDE,
                     return_overflowing_tokens=True, return_offsets_mapping=True, return_token_type_ids=True, padding=False)


def make_pool(rows, tokenizer, seed=42):
    encoded = encode(tokenizer, rows)
    examples = [window(rows[row], offsets, [s == 1 for s in encoded.sequence_ids(i)])
                for i, (row, offsets) in enumerate(zip(encoded["overflow_to_sample_mapping"], encoded["offset_mapping"]))]
    random.Random(seed).shuffle(examples)
    again = encode(tokenizer, [(e["question"], e["context"]) for e in examples])
    features = {}
    for i, example in enumerate(again["overflow_to_sample_mapping"]):
        features.setdefault(example, []).append(i)
    pool = []
    for number, found in features.items():
        if len(found) == 1:
            start, end = positions(examples[number], again, found[0])
            pool.append({"ids": again["input_ids"][found[0]], "type_ids": again["token_type_ids"][found[0]], "start": start, "end": end,
                         "example": examples[number]})
    return pool, len(examples) - len(pool)


def positions(example, encoded, feature):
    """First and last token of the answer."""
    begin = example["answers"]["answer_start"][0]
    end = begin + len(example["answers"]["text"][0])
    tokens = [i for i, (s, o) in enumerate(zip(encoded.sequence_ids(feature), encoded["offset_mapping"][feature]))
              if s == 1 and o[0] < end and o[1] > begin]
    return (tokens[0], tokens[-1]) if tokens else (0, 0)


def make_model(name, directory, tokenizer_directory):
    if (directory / "model.safetensors").exists():
        return
    torch.manual_seed(42)
    settings = dict(MODELS[name])
    config = transformers.AutoConfig.for_model(settings.pop("model_type"), **settings)
    transformers.AutoModelForQuestionAnswering.from_config(config).save_pretrained(directory)
    for file in TOKENIZER_FILES:
        if (tokenizer_directory / file).exists():
            shutil.copy(tokenizer_directory / file, directory)


def main():
    train_file, tokenizer_directory, out = map(pathlib.Path, sys.argv[1:4])
    for name in MODELS:
        make_model(name, out / "models" / name, tokenizer_directory)
    pool, dropped = make_pool(read_squad(train_file), transformers.AutoTokenizer.from_pretrained(tokenizer_directory, use_fast=True))
    (out / "pool.json").write_text(json.dumps(pool))
    mean = sum(len(w["ids"]) for w in pool) / len(pool)
    print(f"{len(pool)} windows of {mean:.0f} tokens on average; {dropped} left out")


if __name__ == "__main__":
    main()
