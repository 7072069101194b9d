"""What is compared: the models, the settings and their contestants, as data. Pure: runs nothing, stdlib only.

A setting is one workload (model, batch size, padding, order of the examples); each of its contestants does the same batches of it.
The first contestant of a setting is the one that ratios are formed for.
"""
import dataclasses
import random

WARMUP = 2  # steps (or batches) that are run and not timed
MAX_LENGTH, DOC_STRIDE = 384, 128  # run_qa.py's
MEGABATCH = 50  # batches that group_by_length sorts together
BF16_FLAGS = ("avx512_bf16", "amx_bf16")

MODELS = {
    "distilbert": {"model_type": "distilbert", "dim": 768, "n_heads": 12, "n_layers": 6, "hidden_dim": 3072},
    "minilm": {"model_type": "bert", "hidden_size": 384, "num_attention_heads": 12, "num_hidden_layers": 6, "intermediate_size": 1536},
    # For trying the driver itself; in no setting that runs unasked.
    "tiny": {"model_type": "distilbert", "dim": 64, "n_heads": 4, "n_layers": 2, "hidden_dim": 128},
}
TITLES = {"distilbert": "DistilBERT-base (6 layers of 768)", "minilm": "MiniLM shape (6 layers of 384)", "tiny": "tiny (2 layers of 64)"}
# Weights of the matrices that every token meets, in millions, and layers times hidden size: for the estimate of the time only.
COST = {"distilbert": (42.5, 6 * 768), "minilm": (10.6, 6 * 384), "tiny": (0.1, 128)}


@dataclasses.dataclass(frozen=True)
class Contestant:
    name: str
    environment: str  # "" = tilefit; else a virtual environment of environments.py
    engine: str = "torch"  # what peer_infer.py computes with; training is always torch's
    bf16: bool = False
    tuned: bool = False  # fused AdamW, tcmalloc, bound OpenMP threads
    ipex: bool = False
    compile: bool = False


@dataclasses.dataclass(frozen=True)
class Setting:
    name: str
    task: str  # train or infer
    model: str
    batch_size: int
    padding: str  # of the peers: max_length or longest
    order: str  # shuffled or grouped
    contestants: tuple
    bf16: bool = False
    optional: bool = False  # only when --only names it

    def title(self):
        how = {"max_length": f"padded to {MAX_LENGTH}", "longest": "padded to the longest of the batch"}[self.padding]
        how += {"shuffled": ", shuffled", "grouped": ", grouped by length"}[self.order]
        kind = {"train": "training", "infer": "inference"}[self.task]
        return f"{TITLES[self.model]}, {kind}, batch {self.batch_size}, peers {how}{', bf16' if self.bf16 else ''}"


TILEFIT = Contestant("tilefit", "")
DEFAULTS = (TILEFIT, Contestant("torch", "torch"))
TUNED = (TILEFIT, Contestant("torch-tuned", "torch", tuned=True), Contestant("torch-compile", "torch", tuned=True, compile=True),
         Contestant("ipex-tuned", "ipex", tuned=True, ipex=True))
TUNED_BF16 = (Contestant("tilefit-bf16", "", bf16=True), TILEFIT, Contestant("torch-bf16", "torch", tuned=True, bf16=True),
              Contestant("ipex-bf16", "ipex", tuned=True, ipex=True, bf16=True))
INFER = (TILEFIT, Contestant("torch", "torch", tuned=True), Contestant("ipex", "ipex", "ipex", tuned=True, ipex=True),
         Contestant("onnxruntime", "torch", "onnxruntime", tuned=True),
         Contestant("openvino", "torch", "openvino"),  # it has threads and memory of its own, and ends with a double free under tcmalloc
         Contestant("ctranslate2", "torch", "ctranslate2", tuned=True))

SETTINGS = (
    Setting("distilbert-default", "train", "distilbert", 8, "max_length", "shuffled", DEFAULTS),
    Setting("distilbert-default-32", "train", "distilbert", 32, "max_length", "shuffled", DEFAULTS),
    Setting("distilbert-tuned", "train", "distilbert", 32, "longest", "grouped", TUNED),
    Setting("distilbert-tuned-bf16", "train", "distilbert", 32, "longest", "grouped", TUNED_BF16, bf16=True),
    Setting("minilm-default", "train", "minilm", 8, "max_length", "shuffled", DEFAULTS),
    Setting("minilm-tuned", "train", "minilm", 32, "longest", "grouped", TUNED),
    Setting("minilm-tuned-bf16", "train", "minilm", 32, "longest", "grouped", TUNED_BF16, bf16=True),
    Setting("infer-padded", "infer", "distilbert", 32, "max_length", "shuffled", INFER),
    Setting("infer-grouped", "infer", "distilbert", 32, "longest", "grouped", INFER),
    Setting("infer-one", "infer", "distilbert", 1, "longest", "shuffled", INFER),
    Setting("tiny-default", "train", "tiny", 8, "max_length", "shuffled", DEFAULTS, optional=True),
    Setting("tiny-tuned", "train", "tiny", 32, "longest", "grouped", TUNED, optional=True),
    Setting("tiny-bf16", "train", "tiny", 32, "longest", "grouped", TUNED_BF16, bf16=True, optional=True),
    Setting("tiny-infer", "infer", "tiny", 32, "longest", "grouped", INFER, optional=True),
    Setting("tiny-infer-one", "infer", "tiny", 1, "longest", "shuffled", INFER, optional=True),
)


def selected(only):
    """[(setting, contestants)] named by --only: "SETTING" or "SETTING:CONTESTANT", each an exact name or a prefix that ends in "*"."""
    def matches(pattern, name):
        return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern

    chosen = []
    for setting in SETTINGS:
        wanted = [p.partition(":") for p in only if matches(p.partition(":")[0], setting.name)]
        if not only and not setting.optional:
            chosen.append((setting, setting.contestants))
        elif wanted:
            # The first contestant always runs: ratios are formed for it.
            chosen.append((setting, tuple(c for i, c in enumerate(setting.contestants)
                                          if i == 0 or any(not name or matches(name, c.name) for _, _, name in wanted))))
    return chosen


def batch_count(setting, steps):
    """Batches of one run, warm-up included. Inference is steadier than training, and a single example is short."""
    if setting.task == "train":
        return WARMUP + steps
    return WARMUP + (-(-steps // 2) if setting.batch_size > 1 else 8 * steps)


def choose_batches(lengths, setting, steps, seed=42):
    """Lists of indices into `lengths`, one a batch, the first WARMUP ones for warming up.

    shuffled: at random. grouped: 50 batches are sorted by length as group_by_length does, and the measured ones are taken evenly from
    short to long, so that a few steps have the mean length of all; the first warm-up batch is the longest, as with transformers.
    """
    count, size = batch_count(setting, steps), setting.batch_size
    draw = random.Random(seed)
    order = list(range(len(lengths)))
    draw.shuffle(order)
    if setting.order == "shuffled":
        while len(order) < count * size:
            order += order
        return [order[i * size:(i + 1) * size] for i in range(count)]
    mega = sorted(order[:MEGABATCH * size], key=lambda i: -lengths[i])
    groups = [mega[i:i + size] for i in range(0, len(mega) - size + 1, size)]
    measured = [groups[int((i + 0.5) * len(groups) / (count - WARMUP))] for i in range(count - WARMUP)]
    draw.shuffle(measured)
    return [groups[0], groups[len(groups) // 2], *measured]


def estimate_s(setting, contestant, steps, threads):
    """Rough seconds of one run, from FLOPs and rates seen on AVX-512 machines; for --plan."""
    parameters, width = COST[setting.model]
    length = MAX_LENGTH if setting.padding == "max_length" and contestant.environment else 187
    flops = (6 if setting.task == "train" else 2) * length * (parameters * 1e6 + 2 * width * length)
    rate = (60e9 if contestant.environment else 120e9) * threads
    start = 2 if not contestant.environment else 90 if contestant.compile else 20
    return start + batch_count(setting, steps) * setting.batch_size * flops / rate
