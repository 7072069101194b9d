"""The padded inputs of a batch as lists, as run_qa.py's collator makes them. Pure; shared by the training and the inference peers."""
import json
import sys

from settings import MAX_LENGTH


def read_task():
    """(task, batches) of the file that the command line names."""
    with open(sys.argv[1], encoding="utf-8") as file:
        task = json.load(file)
    with open(task["batches"], encoding="utf-8") as file:
        return task, json.load(file)


def padded_inputs(batch, padding, with_types=False):
    """{name: rows of equal length}. padding: max_length, or longest of the batch."""
    length = MAX_LENGTH if padding == "max_length" else max(len(w["ids"]) for w in batch)

    def pad(row):
        return row + [0] * (length - len(row))

    inputs = {"input_ids": [pad(w["ids"]) for w in batch], "attention_mask": [pad([1] * len(w["ids"])) for w in batch]}
    if with_types:
        inputs["token_type_ids"] = [pad(w["type_ids"]) for w in batch]
    return inputs
