"""The figure of a dry run: the learning rates that are about to be used."""

import numpy as np

from analysis.comparison import Setting
from analysis.figures import planned_lrs
from nanosched.config import Config
from sweep.plan import make_schedules


def test_the_planned_learning_rates_are_those_of_the_schedules(tmp_path):
    schedules = make_schedules(
        Config(warmup_steps=4, steps=40), ["wsd", "plateau", "one_cycle"], [1e-3], [40]
    )
    fig = planned_lrs.planned_lrs_page(
        [(Setting.of_schedule(label, schedule), schedule.lrs()) for label, schedule in schedules]
    )
    for ax, (label, schedule) in zip(fig.axes, schedules):
        assert label in ax.get_title(loc="left")
        assert any(np.array_equal(line.get_ydata(), schedule.lrs()) for line in ax.get_lines())
    assert planned_lrs.draw_planned_lrs(schedules, tmp_path) == tmp_path / "figures" / "planned_lrs.png"
    assert (tmp_path / "figures" / "planned_lrs.png").stat().st_size > 1000
