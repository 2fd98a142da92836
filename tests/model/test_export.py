"""Exported weights are those that were validated, to the bit, and the same function in transformers."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from helpers import is_one_line_error
from safetensors import safe_open
from safetensors.torch import load_file

from model import GPT2, GPT2Config
from model.export import load_weights, main, save_for_transformers, save_weights
from nanosched.config import Config
from train import final_validation_set, validate

SHAPE = GPT2Config(block_size=8, vocab_size=17, n_layer=2, n_head=2, n_embd=8)
AVERAGES = ["ema:decay=0.9", "tail:fraction=0.5"]


@pytest.fixture
def export(monkeypatch, capsys):
    """python -m model.export, in this process."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["export", *map(str, args)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as e:
            code = e.code
        said = capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    return run


def random_model(shape):
    torch.manual_seed(0)
    model = GPT2(shape)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn_like(p) * 0.1)
    return model


@pytest.mark.parametrize("bias", [False, True])
def test_weights_come_back_to_the_bit_and_tied(tmp_path, bias):
    model = random_model(replace(SHAPE, bias=bias))
    save_weights(tmp_path / "model.safetensors", model, dict(run_id="abc"))
    loaded = load_weights(tmp_path / "model.safetensors")
    assert loaded.config == model.config and loaded.lm_head.weight is loaded.transformer.wte.weight
    ours, theirs = model.state_dict(), loaded.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert set(file.keys()) == ours.keys() - {"lm_head.weight"}
        assert file.metadata()["run_id"] == "abc" and file.metadata()["format"] == "pt"


@pytest.mark.parametrize("scheduler", ["cosine", "schedule_free"])
def test_what_is_exported_has_the_final_losses_of_its_run(cli, toml, tmp_path, dataset, export, scheduler):
    pytest.importorskip("schedulefree")
    toml(average=",".join(AVERAGES))
    assert cli("train.py", "--config", "tiny.toml", "--scheduler", scheduler, "--out", "out").code == 0
    (run,) = (tmp_path / "out" / "runs").iterdir()
    record = json.loads((run / "run.json").read_text())
    config = Config(**record["config"])
    batches = final_validation_set(dataset, config)
    losses = record["averages"] | {"": record["final_val_loss"]}
    assert len(set(losses.values())) == 3
    for average, loss in losses.items():
        export(run, "--average", average)
        assert validate(load_weights(run / "model.safetensors"), batches, config) == loss


def test_transformers_has_the_weights_transposed_and_zeros_for_biases(tmp_path):
    model = random_model(replace(SHAPE, bias=False))
    save_for_transformers(tmp_path, model)
    weights = load_file(tmp_path / "model.safetensors")
    block = model.transformer.h[1]
    assert torch.equal(weights["transformer.h.1.attn.c_attn.weight"], block.attn.c_attn.weight.T)
    assert torch.equal(weights["transformer.h.1.mlp.c_proj.weight"], block.mlp.c_proj.weight.T)
    assert torch.equal(weights["transformer.wte.weight"], model.transformer.wte.weight)
    assert torch.equal(weights["transformer.h.1.mlp.c_fc.bias"], torch.zeros(32))
    assert weights.keys() == GPT2(SHAPE).state_dict().keys() - {"lm_head.weight"}


@pytest.mark.parametrize("bias", [False, True])
def test_transformers_computes_the_same(tmp_path, bias):
    transformers = pytest.importorskip("transformers")
    model = random_model(replace(SHAPE, bias=bias)).eval()
    save_for_transformers(tmp_path, model)
    theirs = transformers.GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    idx = torch.randint(SHAPE.vocab_size, (3, SHAPE.block_size))
    with torch.no_grad():
        logits, _ = model(idx, idx)
        torch.testing.assert_close(theirs(idx).logits, logits, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--average", "tail:fraction=0.5"], "ema:decay=0.9"),  # the one that the run has
        (["--average", "mean"], "ema:decay=X"),
    ],
)
def test_an_average_that_is_not_there_is_one_line(cli, toml, tmp_path, export, flags, words):
    toml(average="ema:decay=0.9")
    assert cli("train.py", "--config", "tiny.toml", "--out", "out").code == 0
    (run,) = (tmp_path / "out" / "runs").iterdir()
    assert is_one_line_error(export(run, *flags), "average=", words)


def test_a_folder_without_a_checkpoint_is_one_line(tmp_path, export):
    assert is_one_line_error(export(tmp_path), "ckpt.pt", "train.py")
