"""One training run of a PyTorch peer: the arithmetic of run_qa.py and transformers' Trainer in a plain loop. Runs in a peer's environment.

    peer_step.py TASK.json

TASK: model (directory), batches (file), padding, bf16, tuned, ipex, compile. Prints one line "step N loss X" when a step is complete; the
driver takes the times. Left out, in the peer's favour: Trainer's own work per step, tokenising, data loader workers' start.
"""
import json
import sys

import torch
import transformers

from settings import MAX_LENGTH


def padded(window_lists, length, value):
    return torch.tensor([row + [value] * (length - len(row)) for row in window_lists])


def make_batch(batch, padding, with_types):
    """The tensors that run_qa.py's collator makes of one batch."""
    ids = [w["ids"] for w in batch]
    length = MAX_LENGTH if padding == "max_length" else max(map(len, ids))
    inputs = {"input_ids": padded(ids, length, 0), "attention_mask": padded([[1] * len(row) for row in ids], length, 0)}
    if with_types:
        inputs["token_type_ids"] = padded([w["type_ids"] for w in batch], length, 0)
    return inputs


def labels(batch):
    return {"start_positions": torch.tensor([w["start"] for w in batch]), "end_positions": torch.tensor([w["end"] for w in batch])}


def default_optimizer_is_fused():
    """What TrainingArguments of this transformers takes when --optim is not given."""
    default = transformers.TrainingArguments.default_optim
    return "fused" in str(getattr(default, "value", default))


def load_model(directory):
    return transformers.AutoModelForQuestionAnswering.from_pretrained(directory)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        task = json.load(file)
    with open(task["batches"], encoding="utf-8") as file:
        batches = json.load(file)
    torch.manual_seed(42)
    transformers.logging.set_verbosity_error()
    model = load_model(task["model"]).train()
    with_types = model.config.model_type != "distilbert"
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.0, fused=task["tuned"] or default_optimizer_is_fused())
    if task["ipex"]:
        import intel_extension_for_pytorch as ipex
        model, optimizer = ipex.optimize(model, optimizer=optimizer, dtype=torch.bfloat16 if task["bf16"] else torch.float32)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / len(batches)))
    if task["compile"]:
        model = torch.compile(model, dynamic=True)
    for number, batch in enumerate(batches):
        inputs = make_batch(batch, task["padding"], with_types) | labels(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=task["bf16"]):
            loss = model(**inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        print(f"step {number} loss {loss.item():.4f}", flush=True)


if __name__ == "__main__":
    main()
