"""What a run is made from: every setting in one flat dataclass, and the id that follows from them.

The names are nanoGPT's where nanoGPT has the setting. Nothing here imports torch, so that `--help` and
`--dry-run` answer at once.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, fields, replace

from . import compiler
from .averages import Average, Ema, Tail, parse_averages
from .errors import not_allowed
from .hardware import has_bfloat16, has_cuda
from .settings import checked, setting

# The lr array and the data fingerprint stand for the first four; checkpoints and averages change no number.
NOT_IDENTITY = {"steps", "warmup_steps", "peak_lr", "dataset", "checkpoint_interval", "average"}


@dataclass(frozen=True)
class Config:
    """One training setup. The defaults are nanoGPT's CPU recipe (its char model cut down for a laptop).

    Raises:
        ValueError: one line that names the setting, its value and what is allowed.
    """

    # data
    dataset: str = setting(
        "auto",
        "shakespeare, pystdlib, fineweb, fineweb10B, a text file, or a folder of parquet, jsonl or shards; "
        "auto is shakespeare where it can be had, else pystdlib",
    )
    tokenizer: str = setting(
        "char", "what a token is; gpt2 is GPT-2's byte-pair encoding", choices=("char", "byte", "gpt2")
    )
    # model
    n_layer: int = setting(4, "transformer blocks", low=1)
    n_head: int = setting(4, "attention heads per block", low=1)
    n_embd: int = setting(128, "width of the residual stream, a multiple of n_head", low=1)
    block_size: int = setting(64, "context length, in tokens", low=1)
    bias: bool = setting(
        False, "biases in Linears and LayerNorms, as GPT-2 has them; without, a bit better and faster"
    )
    dropout: float = setting(
        0.0,
        "fraction of activations set to zero; 0 is good for pretraining, 0.1 or more where data repeat",
        low=0,
        below=1,
    )
    # batch
    batch_size: int = setting(12, "sequences per micro-batch, as many as fit in memory", low=1)
    gradient_accumulation_steps: int = setting(
        1,
        "micro-batches per step, to simulate larger batches: "
        "a step takes batch_size * this * block_size tokens",
        low=1,
    )
    # learning rate
    steps: int = setting(300, "length of a run, in steps of the optimizer", low=1)
    warmup_steps: int = setting(
        30, "steps of linear warmup, for schedules without a rise of their own; at most steps", low=0
    )
    peak_lr: float = setting(1e-3, "highest learning rate of a schedule", above=0)
    # AdamW
    weight_decay: float = setting(
        0.1, "AdamW's, per unit of lr; on matrices and embeddings, not on biases and LayerNorms", low=0
    )
    beta1: float = setting(0.9, "AdamW's decay per step of the mean gradient", low=0, below=1)
    beta2: float = setting(
        0.99,
        "AdamW's decay per step of the mean squared gradient; 0.95 with many tokens per step, "
        "a bit bigger with few",
        low=0,
        below=1,
    )
    grad_clip: float = setting(1.0, "gradients are scaled down to this norm; 0 turns clipping off", low=0)
    # validation and checkpoints
    eval_interval: int = setting(50, "steps between two validations", low=1)
    eval_batches: int = setting(
        20, "batches of batch_size sequences per validation on the way, always the same ones", low=1
    )
    final_eval_tokens: int = setting(
        131_072,
        "tokens of the validation split that the final validation covers, evenly spaced; the whole split "
        "where that is shorter",
        low=1,
    )
    checkpoint_interval: int = setting(
        1000, "steps between two checkpoints, which a stopped run goes on from", low=1
    )
    average: str = setting(
        "",
        "means of the weights that are validated at a run's end too: ema:decay=0.99, tail:fraction=0.2, or "
        "windows in tokens, ema:tokens=N and tail:tokens=N; several with commas between them",
        metavar="KIND:WINDOW=X[,...]",
    )
    # machine
    device: str = setting(
        "auto", "auto is cuda where torch sees a GPU, else cpu", choices=("auto", "cpu", "cuda")
    )
    threads: int = setting(
        1, "CPU threads per run; on a CPU a comparison trains about cores / threads runs at once", low=1
    )
    replicas: str = setting(
        "auto",
        "train the runs of a comparison separately, or stacked in one model; auto is stacked for models of "
        "up to 20M parameters on a GPU, else separate",
        choices=("auto", "separate", "stacked"),
    )
    dtype: str = setting(
        "auto",
        "bfloat16 is autocast; auto is bfloat16 on cuda and on a CPU that multiplies it itself (AMX, "
        "AVX512_BF16), else float32",
        choices=("auto", "float32", "bfloat16"),
    )
    compile: str = setting(
        "auto",
        f"torch.compile, which takes up to a minute; auto is true on cuda, and on a CPU with bfloat16 of its "
        f"own for {compiler.PAYS_FROM} steps or more and no dropout, where a C++ compiler works",
        choices=("auto", "true", "false"),
    )

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, checked(f, getattr(self, f.name)))
        if self.n_embd % self.n_head:
            raise not_allowed("n_embd", self.n_embd, f"give a multiple of n_head={self.n_head}")
        if self.warmup_steps > self.steps:
            raise not_allowed("warmup_steps", self.warmup_steps, f"give at most steps={self.steps}")
        object.__setattr__(self, "average", ",".join(self.average_specs))

    @property
    def tokens_per_step(self) -> int:
        return self.batch_size * self.gradient_accumulation_steps * self.block_size

    @property
    def averages(self) -> tuple[Average, ...]:
        return parse_averages(self.average, self.tokens_per_step)

    @property
    def average_specs(self) -> list[str]:
        return [average.spec for average in self.averages]

    def means(self, steps: int) -> tuple[Ema | Tail, ...]:
        """What a run of so many steps keeps for its averages, each once."""
        means = (average.mean(steps, self.tokens_per_step) for average in self.averages)
        return tuple(dict.fromkeys(means))

    def on_this_machine(self) -> Config:
        """The same setup with `auto` decided for device, dtype and compile.

        Returns:
            a Config whose device is cpu or cuda; `replicas` is left for a comparison to decide.

        Raises:
            ValueError: for device=cuda where torch sees no GPU, or compile=true where a CPU can't have it.
        """
        cuda = self.device != "cpu" and has_cuda()
        if self.device == "cuda" and not cuda:
            raise not_allowed("device", self.device, "torch sees no GPU here; give --device cpu")
        device, fast = ("cuda", True) if cuda else ("cpu", has_bfloat16())
        fast_dtype = "bfloat16" if fast else "float32"
        decided = replace(self, device=device, dtype=fast_dtype if self.dtype == "auto" else self.dtype)
        return replace(decided, compile=decided._compile_here())

    def _compile_here(self) -> str:
        """`compile` with auto decided: on cuda true, on a CPU where it pays and works."""
        if self.device == "cuda":
            return "true" if self.compile == "auto" else self.compile
        if self.replicas == "stacked":  # compiled code rounds by the number of runs in a stack
            if self.compile == "true":
                raise not_allowed("compile", self.compile, "stacked runs can't be on a CPU; give false")
            return "false"
        pays = compiler.pays(self.steps, self.dtype, self.dropout)
        if self.compile == "false" or self.compile == "auto" and not pays:
            return "false"
        if fault := compiler.fault():
            if self.compile == "true":
                raise not_allowed("compile", self.compile, f"it can't be had here ({fault}); give false")
            print(f"without torch.compile, which would be faster: {fault}", file=sys.stderr)
            return "false"
        return "true"

    def run_id(self, schedule, seed: int, data_fingerprint: str) -> str:
        """Name a run by a hash of all that its numbers follow from.

        The schedule counts as its lr array, so that two names for one array are one run; one that reacts to
        the losses counts as its `reaction` too, one with an optimizer of its own as that.

        Args:
            schedule: a schedulers.Schedule.
            seed: int from 0 to 2**32 - 1, of weights, batches and dropout.
            data_fingerprint: a data.Dataset's `fingerprint`.

        Returns:
            16 hex digits.
        """
        return self.state_id(schedule.lrs(), seed, data_fingerprint, schedule.reaction, schedule.optimizer)

    def state_id(
        self, lrs, seed: int, data_fingerprint: str, reactive: str = "", optimizer: str = "adamw"
    ) -> str:
        """Name the weights and optimizer after some steps, which every run that begins so passes through.

        Args:
            lrs: np.ndarray, float64 (steps taken,).
            seed: int from 0 to 2**32 - 1, of weights, batches and dropout.
            data_fingerprint: a data.Dataset's `fingerprint`.
            reactive: the `reaction` of a schedule that reacts to the losses, "" for any other.
            optimizer: the schedule's.

        Returns:
            16 hex digits.
        """
        identity = {name: value for name, value in vars(self).items() if name not in NOT_IDENTITY}
        if self.device == "cuda":  # on a CPU the number of threads decides how sums are rounded
            del identity["threads"]
        if self.replicas != "stacked":  # stacking changes the rounding; separate runs are as if alone
            del identity["replicas"]
        if optimizer != "adamw":
            identity.update(optimizer=optimizer)
        identity.update(seed=seed, data=data_fingerprint, reactive=reactive)
        key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
        key.update(lrs.tobytes())
        return key.hexdigest()[:16]
