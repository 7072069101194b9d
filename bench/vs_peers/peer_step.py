"""One training run of a PyTorch peer: the arithmetic of run_qa.py and transformers' Trainer in a plain loop. Runs in a peer's environment.

    peer_step.py TASK.json

TASK: model (directory), batches (file), padding, bf16, tuned, ipex, compile. Prints "ready" and then
"step N loss X" when a step is complete; the driver takes the times. Left out, in the peer's favour:
Trainer's own work per step, tokenising, data loader workers' start.
"""
import torch
import transformers

from batches import padded_inputs, read_task


def tensors(batch, padding, with_types=False):
    return {name: torch.tensor(rows) for name, rows in padded_inputs(batch, padding, with_types).items()}


def labels(batch):
    return {"start_positions": torch.tensor([w["start"] for w in batch]), "end_positions": torch.tensor([w["end"] for w in batch])}


def default_optimizer_is_fused():
    """What TrainingArguments of this transformers takes when --optim is not given."""
    default = transformers.TrainingArguments.default_optim
    return "fused" in str(getattr(default, "value", default))


def load_model(directory):
    return transformers.AutoModelForQuestionAnswering.from_pretrained(directory)


def main():
    task, batches = read_task()
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
    print("ready", flush=True)
    for number, batch in enumerate(batches):
        inputs = tensors(batch, task["padding"], with_types) | labels(batch)
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
