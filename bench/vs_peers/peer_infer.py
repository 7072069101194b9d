"""One inference run of a peer: batches one after the other, logits (CTranslate2: hidden states) as the result.

Runs in a peer's environment.
    peer_infer.py TASK.json           as peer_step.py, and engine (torch, ipex, onnxruntime, openvino, ctranslate2), exported, threads
    peer_infer.py --export ENGINE MODEL_DIR OUT     writes what the engine reads: an ONNX file or a CTranslate2 folder

Prints "ready" and then "step N" when a batch is complete; the driver takes the times. CTranslate2 knows DistilBERT's encoder, not the
QA head.
Each engine imports what it needs: another one's libraries are memory, and may not agree with its own.
"""
import pathlib
import sys

from batches import padded_inputs, read_task


def export(engine, directory, out):
    if engine == "ctranslate2":
        import ctranslate2
        ctranslate2.converters.TransformersConverter(directory).convert(out, force=True)
        return
    import torch

    from peer_step import load_model
    model = load_model(directory).eval()
    ids = torch.ones(2, 16, dtype=torch.long)
    pathlib.Path(out).parent.mkdir(parents=True, exist_ok=True)
    batch, length = torch.export.Dim("batch", min=1, max=512), torch.export.Dim("length", min=2, max=512)
    # Attention spelt out: every runtime fuses that form itself.
    model.config._attn_implementation = "eager"
    torch.onnx.export(model, (), out, kwargs={"input_ids": ids, "attention_mask": torch.ones_like(ids)}, dynamo=True,
                      input_names=["input_ids", "attention_mask"], output_names=["start_logits", "end_logits"],
                      dynamic_shapes={name: {0: batch, 1: length} for name in ("input_ids", "attention_mask")})


def torch_engine(task):
    import torch

    from peer_step import load_model, tensors
    model = load_model(task["model"]).eval()
    dtype = torch.bfloat16 if task["bf16"] else torch.float32
    if task["ipex"]:
        import intel_extension_for_pytorch as ipex
        model = ipex.optimize(model, dtype=dtype)

    def run(batch):
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=task["bf16"]):
            model(**tensors(batch, task["padding"]))
    return run


def arrays(batch, padding):
    import numpy
    return {name: numpy.array(rows, dtype=numpy.int64) for name, rows in padded_inputs(batch, padding).items()}


def onnxruntime_engine(task):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = task["threads"]
    session = onnxruntime.InferenceSession(task["exported"], options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, arrays(batch, task["padding"]))


def openvino_engine(task):
    import openvino
    core = openvino.Core()
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": task["threads"]}
    request = core.compile_model(core.read_model(task["exported"]), "CPU", settings).create_infer_request()
    return lambda batch: request.infer(arrays(batch, task["padding"]))


def ctranslate2_engine(task):
    import ctranslate2
    encoder = ctranslate2.Encoder(task["exported"], device="cpu", compute_type="float32", inter_threads=1, intra_threads=task["threads"])

    def run(batch):
        # It takes lists and pads itself; padding to the full length is asked for by ids of padding.
        ids = padded_inputs(batch, task["padding"])["input_ids"] if task["padding"] == "max_length" else [w["ids"] for w in batch]
        encoder.forward_batch(ids)
    return run


ENGINES = {"torch": torch_engine, "ipex": torch_engine, "onnxruntime": onnxruntime_engine, "openvino": openvino_engine,
           "ctranslate2": ctranslate2_engine}


def main():
    if sys.argv[1] == "--export":
        export(*sys.argv[2:5])
        return
    task, batches = read_task()
    run = ENGINES[task["engine"]](task)
    print("ready", flush=True)
    for number, batch in enumerate(batches):
        run(batch)
        print(f"step {number}", flush=True)


if __name__ == "__main__":
    main()
