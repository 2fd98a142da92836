"""AdamW without the import of torch's compiler: torch's numbers all the same."""

import subprocess
import sys

import torch
from helpers import ROOT

from model.adamw import AdamW


def test_its_numbers_and_its_state_are_torchs():
    generator = torch.Generator().manual_seed(0)
    shapes = [(7, 5), (5,), (3, 5)]
    ours, theirs = ([torch.nn.Parameter(torch.ones(shape)) for shape in shapes] for _ in range(2))
    settings = dict(lr=0.01, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    optimizers = AdamW(ours, **settings), torch.optim.AdamW(theirs, **settings)
    for _ in range(5):
        for a, b in zip(ours, theirs):
            a.grad = torch.randn(a.shape, generator=generator)
            b.grad = a.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs))
    states = [optimizer.state_dict() for optimizer in optimizers]
    assert states[0]["param_groups"] == states[1]["param_groups"]
    for a, b in zip(states[0]["state"].values(), states[1]["state"].values()):
        assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    optimizers[0].load_state_dict(states[1])
    optimizers[0].zero_grad(set_to_none=True)
    assert all(a.grad is None for a in ours)


def test_a_run_with_checkpoints_never_imports_torchs_compiler(tmp_path, text):
    code = (
        "import sys; from train import *; "
        "config = Config(dataset=sys.argv[1], device='cpu', dtype='float32', n_layer=1, n_head=1, n_embd=8, "
        "block_size=8, batch_size=2, steps=4, warmup_steps=0, eval_interval=2, checkpoint_interval=2); "
        "config = config.on_this_machine(); dataset = open_dataset(config.dataset, config.tokenizer); "
        "run = (config, get_schedule('constant', steps=4, peak_lr=1e-3), 0, dataset, Path(sys.argv[2])); "
        "train(*run, steps_now=3); train(*run); sys.exit('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(text), str(tmp_path / "run")], cwd=ROOT)
    assert done.returncode == 0 and (tmp_path / "run" / "run.json").exists()
