"""The weights of a checkpoint as safetensors, under nanoGPT's names or as transformers wants them.

    python -m model.export results/cpu/runs/<run id>                       -> model.safetensors there
    python -m model.export results/cpu/runs/<run id> --average ema:decay=0.99
    python -m model.export results/cpu/runs/<run id> --transformers        -> transformers/ there

They are the weights that the run's final validation loss is of.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_model, save

from nanosched.averages import averaged_model, begun, parse_averages
from nanosched.checkpoint import NAME as CHECKPOINT
from nanosched.checkpoint import read_checkpoint
from nanosched.command import CommandParser, fail, run_command
from nanosched.config import Config
from nanosched.errors import not_allowed, quoted
from nanosched.files import atomic

from .gpt2 import GPT2, GPT2Config

TIED = "lm_head.weight"  # the same tensor as transformer.wte.weight, and in no file
CONV1D = ("c_attn.weight", "c_fc.weight", "c_proj.weight")  # transposed in transformers


def model_of(checkpoint: dict, average: str = "") -> GPT2:
    """The model of a checkpoint, with the weights that its run is judged by.

    Args:
        checkpoint: what `nanosched.checkpoint.save_checkpoint` wrote.
        average: spec of an average of the weights that the run was trained with; default the last weights.

    Returns:
        a GPT2 on the CPU.

    Raises:
        ValueError: the checkpoint has no such average.
    """
    model = GPT2(GPT2Config(**checkpoint["model_args"]))
    model.load_state_dict(checkpoint["model"])
    if average:
        return averaged_model(model, average_of(checkpoint, average))
    if checkpoint.get("optimizer_name") == "schedule_free" and checkpoint["iter_num"]:
        return averaged_model(model, schedule_free_means(checkpoint, model))
    return model


def average_of(checkpoint: dict, spec: str) -> list[torch.Tensor]:
    """The tensors of an average, by parameter."""
    config = Config(**checkpoint["config"])
    averages = parse_averages(spec, config.tokens_per_step)
    if len(averages) != 1:
        raise not_allowed("average", spec, "give one")
    mean = averages[0].mean(config.steps, config.tokens_per_step)
    if mean.name not in checkpoint.get("averages", {}) or not begun([mean], checkpoint["iter_num"]):
        known = config.average or "none, give train.py --average"
        raise not_allowed("average", spec, f"the run was trained with {known}")
    return checkpoint["averages"][mean.name]


def schedule_free_means(checkpoint: dict, model: GPT2) -> list[torch.Tensor]:
    """What schedule-free AdamW is validated at, by parameter; see model.schedule_free."""
    optimizer, parameters = checkpoint["optimizer"], list(model.parameters())
    beta1, _ = optimizer["param_groups"][0]["betas"]
    order = sorted(range(len(parameters)), key=lambda i: parameters[i].dim() < 2)  # matrices come first
    z = {i: optimizer["state"][index]["z"] for index, i in enumerate(order)}
    return [y.detach().lerp(z[i], 1 - 1 / beta1) for i, y in enumerate(parameters)]


def weights_of(model: GPT2) -> dict[str, torch.Tensor]:
    """Name -> tensor of a GPT2, under nanoGPT's names and without the tied `lm_head.weight`."""
    return {name: p.detach().contiguous() for name, p in model.state_dict().items() if name != TIED}


def save_weights(path: Path, model: GPT2, about: dict[str, str]):
    """Write a GPT2 as safetensors; `load_weights` reads it.

    Args:
        path: the file.
        model: its weights go under nanoGPT's names, its shape as JSON into the metadata's `model_args`.
        about: what else the metadata says.
    """
    metadata = dict(format="pt", model_args=json.dumps(model.config.to_dict()))
    with atomic(path) as temporary:
        temporary.write_bytes(save(weights_of(model), metadata | about))


def load_weights(path: Path) -> GPT2:
    """The GPT2 of a file that `save_weights` wrote, bit for bit."""
    with safe_open(path, "pt") as file:
        model = GPT2(GPT2Config(**json.loads(file.metadata()["model_args"])))
    load_model(model, path)
    return model


def save_for_transformers(folder: Path, model: GPT2):
    """Write what `transformers.GPT2LMHeadModel.from_pretrained(folder)` reads: the same function.

    Its Conv1D has the weights transposed, and its layers have biases, here zeros where the model has none.

    Args:
        folder: gets config.json and model.safetensors.
        model: a GPT2.
    """
    weights = {}
    for name, weight in weights_of(model).items():
        weights[name] = weight.T.contiguous() if name.endswith(CONV1D) else weight
        bias = name.removesuffix("weight") + "bias"
        if not model.config.bias and ".wte." not in name and ".wpe." not in name:
            weights[bias] = torch.zeros(len(weight))
    with atomic(folder / "config.json") as temporary:
        temporary.write_text(json.dumps(transformers_config(model.config), indent=1) + "\n")
    with atomic(folder / "model.safetensors") as temporary:
        temporary.write_bytes(save(weights, dict(format="pt")))


def transformers_config(shape: GPT2Config) -> dict:
    """What config.json says of this shape."""
    return dict(
        architectures=["GPT2LMHeadModel"],
        model_type="gpt2",
        activation_function="gelu",  # the exact one, as nanoGPT has it; OpenAI's weights take gelu_new
        layer_norm_epsilon=1e-5,
        tie_word_embeddings=True,
        vocab_size=shape.vocab_size,
        n_positions=shape.block_size,
        n_embd=shape.n_embd,
        n_layer=shape.n_layer,
        n_head=shape.n_head,
        resid_pdrop=shape.dropout,
        embd_pdrop=shape.dropout,
        attn_pdrop=shape.dropout,
    )


def parse_args():
    parser = CommandParser(__doc__)
    parser.prog = "python -m model.export"
    parser.add_argument("run", metavar="RUN", help=f"folder of a run that train.py left its {CHECKPOINT} in")
    parser.add_argument(
        "--average",
        default="",
        metavar="KIND:WINDOW=X",
        help="an average of the weights that the run was trained with, instead of the last ones",
    )
    parser.add_argument(
        "--transformers", action="store_true", help="a folder for GPT2LMHeadModel.from_pretrained"
    )
    parser.add_argument("--out", metavar="PATH", help="the file, or the folder for transformers")
    return parser.parse_args()


def main():
    args = parse_args()
    file = Path(args.run) / CHECKPOINT
    try:
        if not file.exists():
            raise ValueError(
                f"run={quoted(args.run)} has no {CHECKPOINT}: give the folder of a run of train.py"
            )
        checkpoint = read_checkpoint(file)
        if checkpoint is None:
            raise ValueError(f"{file} is damaged: train the run again")
        model = model_of(checkpoint, args.average)
        if args.transformers:
            out = Path(args.out or Path(args.run) / "transformers")
            save_for_transformers(out, model)
        else:
            out = Path(args.out or Path(args.run) / "model.safetensors")
            about = dict(run_id=checkpoint.get("run_id", ""), iter_num=str(checkpoint["iter_num"]))
            save_weights(out, model, about | dict(average=args.average))
    except (ValueError, OSError) as e:
        fail(e)
    print(out)


if __name__ == "__main__":
    run_command(main)
