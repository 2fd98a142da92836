"""The schedule with an optimizer of its own: how it trains, what it shares, and what it is refused."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from helpers import Silent, is_one_line_error, one_line, read_curve, schedule_of

from analysis.bounds import bound_rows
from analysis.measured import MeasuredRun, measure
from analysis.predictions import lrs_of
from nanosched.config import Config
from nanosched.history import RunCurve
from schedulers import get_schedule, split_specs
from sweep.execute import execute
from sweep.plan import make_schedules, plan_branches, plan_runs
from sweep.probe import make_probe
from sweep.store import Store
from train import final_validation_set, initial_state, train, validate

NAME = "schedule_free"


@pytest.fixture
def config(tiny):
    return lambda **changes: Config(**{**tiny, **changes})


@pytest.fixture
def run(dataset):
    """Trains into a folder and keeps the last checkpoint."""
    pytest.importorskip("schedulefree")

    def run(folder, config, **more):
        return train(config, schedule_of(config, NAME), 0, dataset, folder, keep_checkpoint=True, **more)

    return run


def trained(folder):
    """All numbers of a run but the times: the curve's, and the checkpoint's in one list."""
    curve, checkpoint = asdict(read_curve(folder)), torch.load(folder / "ckpt.pt", weights_only=True)
    del curve["step_s"]
    state, groups = checkpoint["optimizer"].values()
    tensors = [*checkpoint["model"].values(), *(t for moments in state.values() for t in moments.values())]
    tensors += [t for mean in checkpoint["averages"].values() for t in mean]
    return [*curve.values(), *(tensor.numpy() for tensor in tensors)], groups


def same(one, other):
    arrays, groups = zip(trained(one), trained(other))
    assert len(arrays[0]) == len(arrays[1]) and groups[0] == groups[1]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*arrays))


# -- training


def test_stopped_and_gone_on_it_has_the_same_bits(config, run, tmp_path):
    c = config(average="ema:decay=0.9")
    whole = run(tmp_path / "whole", c)
    assert run(tmp_path / "parts", c, steps_now=7) is None
    assert run(tmp_path / "parts", c, steps_now=1) is None
    parts = run(tmp_path / "parts", c)
    assert same(tmp_path / "whole", tmp_path / "parts")
    assert (parts.final_val_loss, parts.averages) == (whole.final_val_loss, whole.averages)


def test_the_loss_is_that_of_the_weights_which_the_package_evaluates(config, run, dataset, tmp_path):
    c = config(average="tail:tokens=64,tail:tokens=128")  # the last step's weights, and the last two's
    record = run(tmp_path, c)
    checkpoint = torch.load(tmp_path / "ckpt.pt", weights_only=True)
    state, batches = initial_state(c, dataset.vocab_size, 0, NAME), final_validation_set(dataset, c)
    state.model.load_state_dict(checkpoint["model"])
    state.optimizer.load_state_dict(checkpoint["optimizer"])
    at_y = validate(state.model, batches, c)
    assert validate(state.judged, batches, c) == record.final_val_loss != at_y
    state.optimizer.eval()
    assert validate(state.model, batches, c) == record.final_val_loss
    last, two = record.averages.values()
    assert last == record.final_val_loss != two


def test_it_learns_and_is_another_run_than_adamws_of_the_same_lrs(config, run, dataset, tmp_path):
    c = config(steps=60, peak_lr=0.03)
    record = run(tmp_path / "own", c)
    constant = train(c, schedule_of(c, "constant"), 0, dataset, tmp_path / "adamw")
    assert record.run_id != constant.run_id and record.final_val_loss < 3.5
    assert record.final_val_loss != constant.final_val_loss
    curves = read_curve(tmp_path / "own"), read_curve(tmp_path / "adamw")
    assert np.array_equal(curves[0].lr, curves[1].lr) and curves[0].loss[0] == curves[1].loss[0]


# -- a comparison


def test_its_horizons_share_their_steps_with_each_other_alone(config, run, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    c, store = config(), Store(tmp_path)
    schedules = make_schedules(c, ["constant", NAME, "plateau"], [c.peak_lr], [9, 12])
    runs = plan_runs(c, schedules, [0], dataset.fingerprint)
    branches = plan_branches(runs, c)
    plan = {(b.run.label, b.run.schedule.steps): b for b in branches}
    assert plan[NAME, 9].parent is None and plan["constant", 9].parent is None
    assert plan[NAME, 12].parent == plan[NAME, 9].run and plan[NAME, 12].start == 9
    assert plan["plateau", 12].untriggered == plan["constant", 12].run
    assert not execute(branches, c, dataset, store, [], Silent(), lambda: False, 0)
    alone = run(tmp_path / "alone", c)
    shared = store.get(plan[NAME, 12].run.id)
    assert shared.record.final_val_loss == alone.final_val_loss and shared.record.trained_from == 9
    assert np.array_equal(shared.curve.loss, read_curve(tmp_path / "alone").loss)


def test_adamws_checkpoint_under_its_name_is_found_out(config, run, dataset, tmp_path, capsys):
    """Same config, seed, data and lrs: only the optimizer's name differs, and the shapes of what it keeps."""
    c, folder = config(), tmp_path / "own"
    train(c, schedule_of(c, "constant"), 0, dataset, folder, steps_now=5)
    checkpoint = torch.load(folder / "ckpt.pt", weights_only=True)
    for moments in checkpoint["optimizer"]["state"].values():
        moments["z"] = moments["exp_avg"]

    class Given:
        branch_points, tails, keep_last = (), (), False

        def candidates(self):
            return [(5, folder / "5.pt")]

        def path(self, step):
            return folder / "ckpt.pt"

        def saved(self, step): ...
        def finished(self): ...

    torch.save(checkpoint, folder / "5.pt")
    run(folder, c, checkpoints=Given())
    assert "which is another one at that step: its steps are trained again" in capsys.readouterr().err
    run(tmp_path / "alone", c)
    assert np.array_equal(read_curve(folder).loss, read_curve(tmp_path / "alone").loss)


def test_a_command_tunes_and_ranks_it_beside_adamws(cli, toml, run, tmp_path):
    toml()
    done = cli(
        *("compare.py", "--config", "tiny.toml", "--schedulers", f"constant,{NAME}", "--out", "out"),
        *("--average", "ema:decay=0.9", "--tune", "--seeds", "0-1"),
    )
    assert done.code == 0, done
    rows = (tmp_path / "out" / "tuned.csv").read_text()
    assert f"{NAME}," in rows and "constant," in rows
    assert f"{NAME},ema:decay=0.9," in (tmp_path / "out" / "summary.csv").read_text()


def test_all_leaves_it_out_and_theory_too(config, tmp_path):
    c = config()
    labels = (NAME, "wsd", "constant")
    schedules = [(label, get_schedule(label, 12, 0.01, warmup_steps=2)) for label in labels]
    assert NAME not in split_specs("all") and schedules[0][1].lrs().tolist() == schedules[2][1].lrs().tolist()
    assert {row.scheduler for row in bound_rows(schedules)} == {"wsd", "constant"}
    assert make_probe(schedules, [0], NAME).label == "wsd" and make_probe(schedules[:1], [0]) is None
    lrs, nothing = np.full(12, 0.01), np.full(12, np.nan)
    curve = RunCurve(lr=lrs, loss=lrs, val_loss=lrs, grad_norm=nothing, step_s=nothing)
    measured = measure([MeasuredRun(label, 0.01, 12, curve) for label in labels], 0.01, 2, None)
    assert set(measured.curves) == {"wsd", "constant"}
    with pytest.raises(ValueError, match="an optimizer of its own, which no law knows") as error:
        lrs_of(NAME, 24, measured)
    assert one_line(error)
    half = get_schedule(f"{NAME}:stop=0.5", 12, 0.01)
    assert half.optimizer == NAME and c.run_id(half, 0, "data") != c.run_id(
        get_schedule("constant", 12, 0.01), 0, "data"
    )


# -- what it is refused


@pytest.mark.parametrize(
    "options, words",
    [
        (["--protocol", "carry-over"], ["protocol='carry-over'", "optimizer of its own"]),
        (["--replicas", "stacked"], ["replicas='stacked'", "give separate"]),
        (["--beta1", "0"], ["beta1=0", "above 0"]),
    ],
)
def test_a_comparison_that_it_can_not_be_in(cli, toml, options, words):
    pytest.importorskip("schedulefree")
    toml()
    command = ["compare.py", "--config", "tiny.toml", "--schedulers", f"wsd,{NAME}", "--dry-run"]
    assert is_one_line_error(cli(*command, *options), *words)


@pytest.mark.parametrize("script, option", [("compare.py", "--schedulers"), ("train.py", "--scheduler")])
def test_without_its_package(cli, toml, monkeypatch, script, option, tmp_path):
    toml()
    monkeypatch.setattr("schedulers.core.optimizers.find_spec", lambda name: None)
    done = cli(script, "--config", "tiny.toml", option, NAME, "--out", "out")
    assert is_one_line_error(done, NAME, 'pip install -e ".[schedulefree]"')
    assert not (tmp_path / "out").exists()
