"""What a person sees while a comparison trains: bars for all runs and for each in training, the time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nanosched.counted import counted
from nanosched.run_files import RunRecord
from nanosched.visible import visible

from .plan import Branch, Run


class Display:
    """`with Display(branches) as display:`; a line stays on the terminal for each run that ended."""

    def __init__(self, branches: list[Branch]):
        self.n_runs, self.ended, self.steps_ended, self.tasks = len(branches), 0, 0, {}
        name, detail = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[detail]}")
        self.progress = Progress(
            name,
            BarColumn(),
            detail,
            TimeRemainingColumn(),
            console=Console(highlight=False),
            refresh_per_second=2,  # each drawing takes time from the training beside it
            transient=True,  # a bar that stays would look like one that still moves
        )
        self.overall = self.progress.add_task(
            "all runs", total=sum(branch.steps for branch in branches), detail=self.ended_words()
        )

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *exception):
        self.progress.stop()

    def start(self, branch: Branch):
        if branch.run.id not in self.tasks:  # it may be started again after its process died
            self.tasks[branch.run.id] = self.progress.add_task(
                run_name(branch.run), total=branch.steps, detail=""
            )

    def step(self, branch: Branch, steps: int, loss: float):
        """`steps` steps of the run are taken, the last of them with this loss."""
        completed = max(steps - branch.start, 0)
        self.progress.update(self.tasks[branch.run.id], completed=completed, detail=f"loss {loss:.4f}")
        self.show_overall()

    def end(self, branch: Branch, record: RunRecord | None, error: str | None):
        """The run has ended, failed with an error in one line, or (neither of both) was stopped."""
        if branch.run.id in self.tasks:
            self.progress.remove_task(self.tasks.pop(branch.run.id))
        if not (record or error):
            return
        self.ended += 1
        self.steps_ended += branch.steps
        self.progress.update(self.overall, detail=self.ended_words())
        self.show_overall()
        line = f"{run_name(branch.run)}: {format_ending(record, error)}"
        self.progress.print(line, markup=False, emoji=False, soft_wrap=True)

    def ended_words(self) -> str:
        return f"{self.ended} of {counted(self.n_runs, 'run')}"

    def show_overall(self):
        running = sum(task.completed for task in self.progress.tasks if task.id != self.overall)
        self.progress.update(self.overall, completed=self.steps_ended + running)


def format_ending(record: RunRecord | None, error: str | None) -> str:
    if error:
        return visible(f"failed: {error}")
    if not record.complete:
        return f"diverged at step {record.steps_taken - 1}"
    return f"completed, validation loss {record.final_val_loss:.4f}"


def run_name(run: Run) -> str:
    """ "wsd @ 0.001, 300 steps, seed 0"; the label may come from a file's name."""
    schedule = run.schedule
    return visible(f"{run.label} @ {schedule.peak_lr:g}, {counted(schedule.steps, 'step')}, seed {run.seed}")
