"""What a person sees while a comparison trains: a bar for all runs and one for each in training, losses, the time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from .plan import Branch


class Display:
    """`with Display(branches) as display:`; a line stays on the terminal for each run that ended."""

    def __init__(self, branches: list[Branch]):
        self.n_runs, self.ended, self.steps_ended, self.tasks = len(branches), 0, 0, {}
        name, detail = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[detail]}")
        # each drawing takes time from the training beside it
        self.progress = Progress(
            name,
            BarColumn(),
            detail,
            TimeRemainingColumn(),
            console=Console(highlight=False),
            refresh_per_second=2,
        )
        self.overall = self.progress.add_task(
            "all runs", total=sum(branch.steps for branch in branches), detail=f"0 of {len(branches)} runs"
        )

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *exception):
        self.progress.stop()

    def start(self, branch: Branch):
        if branch.run.id not in self.tasks:  # it may be started again after its process died
            self.tasks[branch.run.id] = self.progress.add_task(
                name_of(branch.run), total=branch.steps, detail=""
            )

    def step(self, branch: Branch, done: int, loss: float):
        """`done` steps of the run are taken, the last of them with this loss."""
        self.progress.update(
            self.tasks[branch.run.id], completed=max(done - branch.start, 0), detail=f"loss {loss:.4f}"
        )
        self.show_overall()

    def end(self, branch: Branch, result: dict | None, error: str | None):
        """`result` is what run.json holds, None for a run that failed with `error` or was stopped."""
        if branch.run.id in self.tasks:
            self.progress.remove_task(self.tasks.pop(branch.run.id))
        if not (result or error):
            return
        self.ended += 1
        self.steps_ended += branch.steps
        self.progress.update(self.overall, detail=f"{self.ended} of {self.n_runs} runs")
        self.show_overall()
        if error:
            self.say(f"{name_of(branch.run)}: failed: {error}")
        elif result["status"] == "diverged":
            self.say(f"{name_of(branch.run)}: diverged at step {result['steps_taken'] - 1}")
        else:
            self.say(f"{name_of(branch.run)}: validation loss {result['final_val_loss']:.4f}")

    def show_overall(self):
        running = sum(task.completed for task in self.progress.tasks if task.id != self.overall)
        self.progress.update(self.overall, completed=self.steps_ended + running)

    def say(self, line: str):
        self.progress.print(line, markup=False, soft_wrap=True)


def name_of(run) -> str:
    return f"{run.label} @ {run.schedule.peak_lr:g}, {run.schedule.steps} steps, seed {run.seed}"
