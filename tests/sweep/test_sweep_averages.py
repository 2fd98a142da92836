"""Averages of the weights in a sweep: branches and resumed runs have those of a run alone, bit for bit, and a
stored run without one that is asked for is trained again.
"""

import json
from dataclasses import replace

import pytest
import torch
from helpers import Silent

from nanosched.averages import Ema, Tail
from nanosched.checkpoint import OneCheckpoint
from nanosched.config import Config
from schedulers import resolve
from sweep.carry_over import plan_carry_over, still_to_train, train_carry_over
from sweep.dry_run import print_dry_run
from sweep.execute import execute
from sweep.plan import make_schedules, plan_branches, plan_runs
from sweep.store import Store, saved_steps
from train import Training, initial_state, train

AVERAGES = "ema:decay=0.9,ema:decay=0.5,tail:fraction=0.8,tail:tokens=640"
SPECS = "constant,wsd,cosine,plateau:patience=1"
HORIZONS = (12, 24)


@pytest.fixture
def config(tiny):
    return Config(**{**tiny, "warmup_steps": 1, "final_eval_tokens": 640, "average": AVERAGES})


def branches_of(config, dataset, specs=SPECS, horizons=HORIZONS):
    schedules = make_schedules(config, resolve(specs), [config.peak_lr], horizons)
    return plan_branches(plan_runs(config, schedules, [0], dataset.fingerprint), config)


def run_sweep(out, config, dataset, branches, monkeypatch, should_stop=lambda: False):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    store = Store(out, config.average_specs)
    assert execute(branches, config, dataset, store, [], Silent(), should_stop) == {}
    return store


def test_a_trunk_keeps_the_tails_of_the_horizons_that_branch_off_from_it(config, dataset):
    branches = branches_of(config, dataset, "wsd:cooldown=0.5,constant", (20, 40))
    found = {(branch.run.label, branch.run.schedule.steps): branch for branch in branches}
    starts = {key: (branch.start, branch.parent and branch.parent.label) for key, branch in found.items()}
    first = ("wsd:cooldown=0.5", 20)  # constant of 20 steps branches off there, and so on
    assert starts[first] == (0, None) and starts["constant", 20] == (11, first[0])
    assert starts["wsd:cooldown=0.5", 40] == (20, "constant")
    assert starts["constant", 40] == (21, "wsd:cooldown=0.5")
    # tails of 0.8 begin at steps 4 and 8, those of 640 tokens, 10 steps, at 10 and 30
    assert found[first].tails == (Tail(4), Tail(8), Tail(10))
    assert found["constant", 20].tails == (Tail(4), Tail(8), Tail(10))
    assert found["constant", 40].tails == (Tail(8), Tail(30))


def test_branches_have_the_averages_of_runs_alone_bit_for_bit(config, dataset, tmp_path, monkeypatch):
    branches = branches_of(config, dataset)
    assert sum(branch.start > 0 for branch in branches) >= 5
    store = run_sweep(tmp_path / "sweep", config, dataset, branches, monkeypatch)
    for branch in branches:
        run, folder = branch.run, tmp_path / "alone" / branch.run.id
        alone = train(config, run.schedule, run.seed, dataset, folder)
        assert list(alone.averages) == config.average_specs
        assert store.get(run.id).record.averages == alone.averages, run
        assert store.get(run.id).record.final_val_loss == alone.final_val_loss
    assert not list((tmp_path / "sweep").glob("states/*"))


def test_a_comparison_that_was_stopped_goes_on_to_the_same_averages(config, dataset, tmp_path, monkeypatch):
    steps = iter(range(10**6))
    branches = branches_of(config, dataset)
    store = run_sweep(tmp_path, config, dataset, branches, monkeypatch, lambda: next(steps) > 40)
    left = [branch.run for branch in branches if not store.get(branch.run.id)]
    assert 0 < len(left) < len(branches)
    saved = saved_steps(store, left, config, dataset.fingerprint)
    run_sweep(tmp_path, config, dataset, plan_branches(left, config, saved), monkeypatch)
    once = run_sweep(tmp_path / "once", config, dataset, branches, monkeypatch)
    for branch in branches:
        record = store.get(branch.run.id).record
        assert record.averages == once.get(branch.run.id).record.averages


@pytest.mark.parametrize(
    "average, start",
    [("", 6), ("ema:decay=0.9", 6), ("ema:decay=0.9,ema:decay=0.5", 0), ("tail:fraction=0.25", 6)],
    ids=["none", "the same", "more", "one that begins later"],
)
def test_a_dry_run_says_where_a_stopped_run_goes_on(
    config, dataset, tmp_path, monkeypatch, capsys, average, start
):
    stopped = replace(config, average="ema:decay=0.9")
    branches = branches_of(stopped, dataset, "constant", (12,))
    steps = iter(range(10**6))
    run_sweep(tmp_path, stopped, dataset, branches, monkeypatch, lambda: next(steps) >= 6)
    wanted = replace(config, average=average)
    store, runs = Store(tmp_path, wanted.average_specs), [branch.run for branch in branches]
    monkeypatch.setattr("sweep.dry_run.find_dataset", lambda *given: dataset)
    capsys.readouterr()
    print_dry_run(wanted, [(run.label, run.schedule) for run in runs], [0], store, time=False)
    said = capsys.readouterr().out
    assert f"to train: {12 - start} steps" in said
    assert ("goes on from its checkpoint at step 6, trains 6" in said) == (start == 6)
    (branch,) = plan_branches(runs, wanted, saved_steps(store, runs, wanted, dataset.fingerprint))
    taken = []
    monkeypatch.setattr(Silent, "step", lambda self, *given: taken.append(given))
    run_sweep(tmp_path, wanted, dataset, [branch], monkeypatch)
    assert (branch.start, len(taken)) == (start, 12 - start)


def training(config, dataset, folder, steps=12):
    schedule = make_schedules(config, ["cosine"], [config.peak_lr], [steps])[0][1]
    return Training(config, schedule, 0, dataset, folder, OneCheckpoint(folder, True))


def test_means_are_those_of_the_weights_after_each_step(config, dataset, tmp_path):
    """Of checkpoints after every step, as anybody would average them."""
    schedule = make_schedules(config, ["constant"], [config.peak_lr], [12])[0][1]
    weights = []
    for _ in range(12):
        train(config, schedule, 0, dataset, tmp_path, steps_now=1, keep_checkpoint=True)
        weights.append(torch.load(tmp_path / "ckpt.pt", weights_only=True))
    last = weights[-1]
    assert set(last["averages"]) == {mean.name for mean in config.means(12)}
    names = [name for name in last["model"] if name != "lm_head.weight"]  # tied
    for index, name in enumerate(names):
        tensors = torch.stack([checkpoint["model"][name].double() for checkpoint in weights])
        shares = 0.9 ** torch.arange(11, -1, -1, dtype=torch.float64)
        ema = (tensors * (shares / shares.sum()).view(-1, *[1] * (tensors.dim() - 1))).sum(0)
        tail = tensors[-9:].mean(0)  # from step ceil(0.2 * 12) on
        assert torch.allclose(last["averages"][Ema(0.9).name][index].double(), ema, atol=1e-6)
        assert torch.allclose(last["averages"][Tail(3).name][index].double(), tail, atol=1e-6)


def test_a_resumed_run_ends_with_the_same_averages_and_numbers(config, dataset, tmp_path):
    schedule = make_schedules(config, ["cosine"], [config.peak_lr], [12])[0][1]
    once = train(config, schedule, 0, dataset, tmp_path / "once")
    for _ in range(3):
        assert train(config, schedule, 0, dataset, tmp_path / "parts", steps_now=3) is None
    parts = train(config, schedule, 0, dataset, tmp_path / "parts")
    assert parts.averages == once.averages and len(set(once.averages.values())) == 4
    plain = train(replace(config, average=""), schedule, 0, dataset, tmp_path / "plain")
    assert (plain.run_id, plain.final_val_loss) == (once.run_id, once.final_val_loss)
    assert plain.averages == {}


def test_a_checkpoint_serves_whoever_needs_no_more_averages_than_it_has(config, dataset, tmp_path, capsys):
    schedule = make_schedules(config, ["cosine"], [config.peak_lr], [12])[0][1]
    fewer = replace(config, average="ema:decay=0.5")
    train(config, schedule, 0, dataset, tmp_path, steps_now=6)
    assert training(fewer, dataset, tmp_path).state.step == 6
    train(fewer, schedule, 0, dataset, tmp_path, steps_now=2)
    capsys.readouterr()
    assert training(config, dataset, tmp_path).state.step == 0
    assert "has no mean of the weights ema:decay=0.9: its steps are trained again" in capsys.readouterr().err
    late = replace(config, average="ema:decay=0.5,tail:fraction=0.25")  # begins after step 9
    assert training(late, dataset, tmp_path).state.step == 8


def test_a_stored_run_without_an_average_is_trained_again(config, dataset, tmp_path, monkeypatch):
    plain = replace(config, average="")
    branches = branches_of(plain, dataset, "constant,wsd", (12,))
    before = run_sweep(tmp_path, plain, dataset, branches, monkeypatch)
    ids = [branch.run.id for branch in branches]
    wanting = Store(tmp_path, config.average_specs)
    assert [wanting.get(id) for id in ids] == [None, None] and all(map(wanting.lacks_averages, ids))
    assert len(list(wanting.finished())) == 2
    run_sweep(tmp_path, config, dataset, branches_of(config, dataset, "constant,wsd", (12,)), monkeypatch)
    for id in ids:
        record = wanting.get(id).record  # not the one read before
        assert list(record.averages) == config.average_specs and not wanting.lacks_averages(id)
        assert record.final_val_loss == before.get(id).record.final_val_loss
        assert Store(tmp_path).get(id) and Store(tmp_path, ["ema:decay=0.5"]).get(id)
        assert Store(tmp_path, ["ema:decay=0.6"]).get(id) is None


def test_a_run_that_is_trained_again_keeps_the_averages_that_it_had(config, dataset, tmp_path):
    """However often two comparisons of one folder ask for one of them each, in turn."""
    schedule = make_schedules(config, ["cosine"], [config.peak_lr], [12])[0][1]
    train(replace(config, average="ema:decay=0.5"), schedule, 0, dataset, tmp_path)
    both = train(replace(config, average="tail:fraction=0.5"), schedule, 0, dataset, tmp_path)
    assert set(both.averages) == {"ema:decay=0.5", "tail:fraction=0.5"}
    assert train(replace(config, average=""), schedule, 0, dataset, tmp_path).averages == both.averages
    other = replace(both, final_val_loss=both.final_val_loss + 1e-9, averages={"ema:decay=0.9": 1.0})
    assert both.with_averages_of(other) == both  # of another machine, say


def test_a_run_that_is_killed_while_it_is_trained_again_is_as_it_was(config, dataset, tmp_path):
    schedule = make_schedules(config, ["cosine"], [config.peak_lr], [12])[0][1]
    train(replace(config, average=""), schedule, 0, dataset, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in ("run.json", "curve.csv")}
    for _ in range(2):
        assert train(config, schedule, 0, dataset, tmp_path, steps_now=4) is None
        assert before == {name: (tmp_path / name).read_bytes() for name in before}
    assert train(config, schedule, 0, dataset, tmp_path).has_averages(config.average_specs)


def test_a_diverged_run_is_not_trained_again_for_its_averages(config, dataset, tmp_path, monkeypatch):
    wild = replace(config, peak_lr=1e30)
    schedules = make_schedules(wild, ["constant"], [1e30], [12])
    branches = plan_branches(plan_runs(wild, schedules, [0], dataset.fingerprint), wild)
    store = run_sweep(tmp_path, wild, dataset, branches, monkeypatch)
    record = store.get(branches[0].run.id).record
    assert not record.complete and record.averages == {}


def test_a_run_of_an_older_version_has_no_averages(config, dataset, tmp_path):
    from nanosched.run_files import checksum, read_run

    schedule = make_schedules(config, ["cosine"], [config.peak_lr], [12])[0][1]
    train(config, schedule, 0, dataset, tmp_path)
    fields = json.loads((tmp_path / "run.json").read_text())
    del fields["checksum"], fields["averages"], fields["config"]["average"]
    text = checksum(fields, (tmp_path / "curve.csv").read_text())
    (tmp_path / "run.json").write_text(json.dumps(fields | dict(checksum=text)))
    assert read_run(tmp_path).record.averages == {}


@pytest.mark.parametrize("slots", [1, 3])
def test_stacked_runs_have_the_averages_of_separate_ones(config, dataset, tmp_path, monkeypatch, slots):
    stacked = replace(config, replicas="stacked")
    branches = branches_of(stacked, dataset)
    store = Store(tmp_path, config.average_specs)
    assert execute(branches, stacked, dataset, store, [], Silent(), lambda: False, slots) == {}
    for branch in branches:
        run, record = branch.run, store.get(branch.run.id).record
        alone = train(config, run.schedule, run.seed, dataset, tmp_path / "alone" / run.id)
        assert record.averages == pytest.approx(alone.averages, abs=2e-4)
        assert list(record.averages) == config.average_specs


def test_carried_over_runs_have_averages_of_their_own_steps(config, dataset, tmp_path):
    schedules = make_schedules(config, ["constant", "cosine"], [config.peak_lr], [12])
    runs = plan_carry_over(config, schedules, [0], dataset.fingerprint)
    store = Store(tmp_path, config.average_specs)
    train_carry_over(runs, config, dataset, store, Silent(), lambda: False)
    assert still_to_train(runs, store) == []
    checkpoint = torch.load(store.folder(runs[-1].id) / "ckpt.pt", weights_only=True)
    state = initial_state(config, dataset.vocab_size, 0)
    state.model.load_state_dict(checkpoint["model"])
    for (_, weights), ema in zip(state.model.named_parameters(), checkpoint["averages"][Ema(0.5).name]):
        assert not torch.equal(ema, weights) and torch.allclose(ema, weights, atol=0.02)
    more = Store(tmp_path, ["ema:decay=0.6"])
    assert still_to_train(runs, more) == runs
