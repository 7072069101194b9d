#!/usr/bin/env python3
"""Makes reference results for one model with PyTorch, for `tilefit parity DIR`. Needs torch, transformers, safetensors.

    tools/make_reference.py MODEL --out DIR [--seed 0] [--batch 3] [--length 24] [--inputs FILE]

MODEL is a hub id, a model directory, or a config.json (weights are then random). DIR gets config.json and model.safetensors as
save_pretrained writes them, and
  inputs.safetensors    input_ids, attention_mask, token_type_ids where the model has them, start_positions, end_positions (int32)
  outputs.safetensors   hidden.0 (embeddings) .. hidden.N, start_logits, end_logits, loss [1]          (float32)
  grads.safetensors     gradient of the loss for every parameter, by its state-dict name               (float32)
  bf16.safetensors      logits, loss and last hidden state under CPU bf16 autocast
  meta.json             how far float32 is from float64, and bf16 from float32: the tolerances to judge by
Dropout is off and attention is the eager kind. The inputs are random tokens in rows of different length, so that padding counts;
--inputs takes a safetensors file of your own instead. Any architecture that AutoModelForQuestionAnswering knows will do.
"""
import argparse
import copy
import json
import pathlib
import shutil
import sys

try:
    import torch
    import transformers
    from safetensors.torch import load_file, save_file
except ImportError as error:
    sys.exit(f"make_reference: {error}. Try: python3 -m venv ref && ref/bin/pip install torch transformers safetensors")


def load_model(name, seed):
    """The QA model in float32, evaluation mode. A config.json instead of a model gives random weights."""
    torch.manual_seed(seed)  # also fixes the new head where the checkpoint has none
    kind = transformers.AutoModelForQuestionAnswering
    if name.endswith(".json"):
        model = kind.from_config(transformers.AutoConfig.from_pretrained(name), attn_implementation="eager")
        randomise(model)
    else:
        model = kind.from_pretrained(name, attn_implementation="eager")
    return model.float().eval()


def randomise(model):
    """Weights large enough for uneven attention and gradients well above rounding noise: fresh ones (0.02) give neither."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if parameter.dim() == 1:
                is_scale = name.endswith("weight")  # of a layer norm: biases end in "bias"
                parameter.copy_(is_scale + 0.1 * noise)
            else:
                parameter.copy_(noise * (0.5 if "embedding" in name else 1.2 / parameter.shape[-1] ** 0.5))


def random_inputs(config, batch, length, seed):
    """Rows of falling length: [batch, length] ids, mask, type ids, and one answer span a row (the last one out of range)."""
    generator = torch.Generator().manual_seed(seed)
    pad = config.pad_token_id or 0
    lengths = torch.tensor([max(8, length - row * length // (2 * batch)) for row in range(batch)])
    mask = (torch.arange(length)[None, :] < lengths[:, None]).long()
    ids = torch.randint(5, config.vocab_size - 1, (batch, length), generator=generator)
    inputs = {"input_ids": torch.where(mask == 1, ids, pad), "attention_mask": mask}
    if getattr(config, "type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = (torch.arange(length)[None, :] >= 6).long() * mask
    start = torch.randint(1, 6, (batch,), generator=generator)
    start[-1] = length + 5  # the loss must ignore it
    inputs["start_positions"] = start
    inputs["end_positions"] = start.clamp(max=5) + 1
    return inputs


def run(model, inputs, bf16=False):
    """(outputs, gradients) of one forward and backward pass."""
    model.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        result = model(**inputs, output_hidden_states=True, return_dict=True)
    result.loss.backward()
    outputs = {f"hidden.{i}": h for i, h in enumerate(result.hidden_states)}
    outputs |= {"start_logits": result.start_logits, "end_logits": result.end_logits, "loss": result.loss.reshape(1)}
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return ({k: v.detach().clone().contiguous() for k, v in outputs.items()},
            {k: v.detach().clone().contiguous() for k, v in grads.items()})


def difference(value, reference):
    value, reference = value.double(), reference.double()
    gap = (value - reference).abs()
    return {"max": float(gap.max()), "mean": float(gap.mean()), "ref_absmax": float(reference.abs().max()),
            "rel_l2": float((value - reference).norm() / (reference.norm() + 1e-30))}


def worst_gradient(grads, reference, floor):
    """Largest relative L2 difference over tensors whose gradient is no rounding noise."""
    return max(difference(grads[name], reference[name])["rel_l2"] for name in grads if reference[name].norm() > floor)


def make(arguments):
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    model = load_model(arguments.model, arguments.seed)
    model.save_pretrained(out)
    if pathlib.Path(arguments.model).is_dir():
        for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
            if (pathlib.Path(arguments.model) / name).exists():
                shutil.copy(pathlib.Path(arguments.model) / name, out)
    if arguments.inputs:
        inputs = {name: tensor.long() for name, tensor in load_file(arguments.inputs).items()}
    else:
        inputs = random_inputs(model.config, arguments.batch, arguments.length, arguments.seed)
    save_file({name: tensor.to(torch.int32).contiguous() for name, tensor in inputs.items()}, out / "inputs.safetensors")

    single, grads = run(model, inputs)
    half, half_grads = run(model, inputs, bf16=True)
    double, double_grads = run(copy.deepcopy(model).double(), inputs)
    save_file(single, out / "outputs.safetensors")
    save_file(grads, out / "grads.safetensors")
    last = f"hidden.{len(single) - 4}"
    save_file({"hidden.last": half[last]} | {k: v for k, v in half.items() if not k.startswith("hidden.")},
              out / "bf16.safetensors")
    meta = {
        "model": model.config.model_type, "head": "qa", "class_name": type(model).__name__, "attn": "eager",
        "torch": torch.__version__, "transformers": transformers.__version__,
        "params": sum(p.numel() for p in model.parameters()),
        "loss": float(single["loss"]), "loss_fp64": float(double["loss"]),
        "no_grad_params": [name for name, _ in model.named_parameters() if name not in grads],
        "fp32_vs_fp64": {"logits": difference(single["start_logits"], double["start_logits"]),
                         "loss": abs(float(single["loss"]) - float(double["loss"])),
                         "grads_max_rel_l2": worst_gradient(grads, double_grads, 1e-6)},
        "bf16autocast_vs_fp32": {"logits": difference(half["start_logits"], single["start_logits"]),
                                 "loss": abs(float(half["loss"]) - float(single["loss"])),
                                 "grads_max_rel_l2": worst_gradient(half_grads, grads, 1e-5)},
    }
    (out / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")
    print(f"{out}: {meta['class_name']}, {meta['params']:,} parameters, loss {meta['loss']:.6f}. Check with: tilefit parity {out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="hub id, model directory or config.json")
    parser.add_argument("--out", required=True, help="directory to make")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=3)
    parser.add_argument("--length", type=int, default=24)
    parser.add_argument("--inputs", help="safetensors file with inputs to use instead of random ones")
    make(parser.parse_args())


if __name__ == "__main__":
    main()
