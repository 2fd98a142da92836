"""What `--schedulers list` has to say."""

import pytest

from schedulers import describe_schedules, get_schedule, list_schedules, register
from schedulers.core.base import Schedule


def test_every_schedule_is_described():
    infos = describe_schedules()
    assert [info.name for info in infos] == list_schedules()
    by_name = {info.name: info for info in infos}
    params = "cooldown=0.2, cooldown_steps=None, shape=linear, exponent=None, final_lr_ratio=0.0"
    assert by_name["wsd"].params == params
    assert (
        by_name["wsd"].aliases == ("warmup_stable_decay",)
        and by_name["wsd"].summary == "Warmup, stable, decay."
    )
    assert by_name["constant"].params == "" and by_name["constant"].aliases == (
        "constant_with_warmup",
        "fixed_lr",
    )


@pytest.mark.parametrize("info", describe_schedules(), ids=lambda info: info.name)
def test_a_docstring_begins_with_a_sentence(info):
    assert info.summary[0].isupper() or info.summary[0] == "`"
    assert info.summary.endswith(".") and 10 < len(info.summary) <= 110 and "lr/peak" not in info.summary


@pytest.mark.parametrize("info", [info for info in describe_schedules() if info.name != "forecast_optimal"])
def test_the_parameters_are_as_they_are_given(info):
    spec = f"{info.name}:{info.params}" if info.params else info.name
    assert get_schedule(spec, 40, 1.0) == get_schedule(info.name, 40, 1.0)


def test_users_files_too(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text('def get_lr(step):\n    """Up and\n    down. More on it."""\n    return 1\n')
    described = {info.name: info for info in describe_schedules([path])}
    assert described["mine"].summary == "Up and down."
    path.write_text("def get_lr(step):\n    return 1\n")
    described = {info.name: info for info in describe_schedules([path])}
    assert described["mine"].summary.startswith("From ") and described["mine"].summary.endswith("mine.py.")

    @register("silent")
    class Silent(Schedule):
        k: int = 3

        def scale(self, t):
            return 1.0

    (info,) = [info for info in describe_schedules() if info.name == "silent"]
    assert info.params == "k=3" and info.summary.startswith("From ")
