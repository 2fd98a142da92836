"""The protocol that never resets the model: what it does, and that stopping it changes nothing."""

import csv

import pytest
from helpers import Silent, batch_of, is_one_line_error, read_curve, schedule_of

from nanosched.config import Config
from sweep.carry_over import plan_carry_over, still_to_train, train_carry_over
from sweep.store import Store
from train import initial_state, train, train_step

SPECS = ["cosine", "constant", "linear"]


@pytest.fixture
def config(tiny):
    return lambda **changes: Config(**{**tiny, **changes})


def plan(config, dataset, specs=SPECS, seeds=(0,)):
    schedules = [(spec, schedule_of(config, spec)) for spec in specs]
    return plan_carry_over(config, schedules, list(seeds), dataset.fingerprint)


def losses(out, run):
    return read_curve(out / "runs" / run.id).loss.tolist()


def train_all(runs, config, dataset, out, should_stop=lambda: False):
    return train_carry_over(runs, config, dataset, Store(out), Silent(), should_stop)


def test_it_is_one_model_one_optimizer_and_one_stream_of_batches(config, dataset, tmp_path):
    c = config()
    runs = plan(c, dataset)
    assert train_all(runs, c, dataset, tmp_path) == {}
    state, seen = initial_state(c, dataset.vocab_size, 0), []
    lrs = [lr for run in runs for lr in run.schedule.lrs()]
    for step, lr in enumerate(lrs):
        x, y = batch_of(dataset, c, step=step)
        seen.append(train_step(state, x, y, float(lr), c)[0].item())
    assert [loss for run in runs for loss in losses(tmp_path, run)] == pytest.approx(seen, rel=1e-6)
    assert len(list(tmp_path.glob("runs/*/ckpt.pt"))) == 1  # the last one's, for whoever adds a schedule


def test_the_first_run_is_the_fresh_one_and_ids_say_what_came_before(config, dataset, tmp_path):
    c = config()
    runs, turned = plan(c, dataset), plan(c, dataset, SPECS[::-1])
    train_all(runs[:1], c, dataset, tmp_path)
    train(c, runs[0].schedule, 0, dataset, tmp_path / "fresh")
    assert losses(tmp_path, runs[0]) == read_curve(tmp_path / "fresh").loss.tolist()
    fresh = {c.run_id(run.schedule, 0, dataset.fingerprint) for run in runs}
    assert len({run.id for run in runs} | {run.id for run in turned} | fresh) == 9


@pytest.mark.parametrize("stop_after", [1, 5, 12, 17, 30])
def test_stopped_and_gone_on_is_as_if_it_never_was(config, dataset, tmp_path, stop_after):
    c, calls = config(), []
    runs = plan(c, dataset)
    train_all(runs, c, dataset, tmp_path / "straight")
    train_all(runs, c, dataset, tmp_path / "stopped", lambda: calls.append(1) or len(calls) > stop_after)
    assert not (tmp_path / "stopped" / "runs" / runs[-1].id / "run.json").exists()
    assert train_all(runs, c, dataset, tmp_path / "stopped") == {}
    for run in runs:
        assert losses(tmp_path / "stopped", run) == losses(tmp_path / "straight", run)


def test_what_comes_after_a_failure_is_left_out(config, dataset, tmp_path, monkeypatch):
    import train as train_module

    def breaking(training, *rest):
        raise RuntimeError("broken")

    runs, c = plan(config(), dataset), config()
    train_all(runs[:1], c, dataset, tmp_path)
    monkeypatch.setattr(train_module.Training, "validate", breaking)
    assert list(train_all(runs, c, dataset, tmp_path)) == [runs[1].id]


def test_on_the_command_line(cli, toml, tmp_path):
    toml()
    done = cli(
        "compare.py",
        "--config",
        "tiny.toml",
        "--schedulers",
        "cosine,constant",
        "--seeds",
        "0,1",
        "--protocol",
        "carry-over",
        "--out",
        "out",
    )
    assert done.code == 0 and "the order in which they ran" in " ".join(done.out.split())
    with open(tmp_path / "out" / "runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["scheduler"], row["seed"], row["status"]) for row in rows] == [
        (s, seed, "complete") for seed in "01" for s in ("cosine", "constant")
    ]
    first = {
        (row["scheduler"], row["seed"]): read_curve(tmp_path / "out" / "runs" / row["run_id"]).loss[0]
        for row in rows
    }
    assert first["constant", "0"] < first["cosine", "0"] - 0.3  # it starts where the other one ended
    assert not (tmp_path / "out" / "figures" / "plan.png").exists()


def test_a_chain_whose_last_checkpoint_is_gone_is_trained_and_read_anew(config, dataset, tmp_path):
    """The store remembers what it has read: not beyond the run's next training."""
    c, store = config(), Store(tmp_path)
    runs = plan(c, dataset)
    train_carry_over(runs[:2], c, dataset, store, Silent(), lambda: False)
    for checkpoint in tmp_path.glob("runs/*/ckpt.pt"):
        checkpoint.unlink()
    before = [store.get(run.id) for run in runs[:2]]
    assert still_to_train(runs, store) == runs
    train_carry_over(runs, c, dataset, store, Silent(), lambda: False)
    for run, finished in zip(runs, before):
        again = store.get(run.id)
        assert again.curve_csv == (store.folder(run.id) / "curve.csv").read_text() != finished.curve_csv
        assert again.curve.loss.tolist() == finished.curve.loss.tolist()
    assert still_to_train(runs, store) == []


def test_a_chain_goes_on_from_nothing_but_the_end_of_the_run_before(config, dataset, tmp_path, capsys):
    c, runs = config(), plan(config(), dataset)
    train_all(runs, c, dataset, tmp_path / "straight")
    train_all(runs[:2], c, dataset, tmp_path / "swapped")
    store = Store(tmp_path / "swapped")
    train(c, runs[0].schedule, 0, dataset, tmp_path / "other", keep_checkpoint=True)
    (tmp_path / "other" / "ckpt.pt").rename(store.folder(runs[1].id) / "ckpt.pt")
    assert still_to_train(runs, store) == runs
    (store.folder(runs[1].id) / "ckpt.pt").write_text("damaged")
    assert still_to_train(runs, store) == runs and "can't be read" in capsys.readouterr().err
    (store.folder(runs[1].id) / "ckpt.pt").unlink()
    train_all(runs, c, dataset, tmp_path / "swapped")
    for run in runs:
        assert losses(tmp_path / "swapped", run) == losses(tmp_path / "straight", run)


@pytest.mark.parametrize("flag", ["--tune", "--aa"])
def test_it_goes_with_neither_tuning_nor_the_control(cli, toml, flag):
    toml()
    done = cli("compare.py", "--config", "tiny.toml", "--protocol", "carry-over", "--seeds", "0,1", flag)
    assert is_one_line_error(done, f"argument {flag}: not allowed with argument --protocol")
    assert done.out == ""
