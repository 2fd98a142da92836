"""What a person sees while a comparison trains: a bar for all runs and one for each in training, losses, the time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class Display:
    """`with Display(runs, steps) as display:`; a line stays on the terminal for each run that ended."""

    def __init__(self, runs, steps: int):
        self.n_runs, self.steps, self.ended, self.tasks = len(runs), steps, 0, {}
        name, detail = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[detail]}")
        self.progress = Progress(name, BarColumn(), detail, TimeRemainingColumn(), console=Console(highlight=False))
        self.overall = self.progress.add_task("all runs", total=len(runs) * steps, detail=f"0 of {len(runs)} runs")

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *exception):
        self.progress.stop()

    def start(self, run):
        if run.id not in self.tasks:  # it may be started again after its process died
            self.tasks[run.id] = self.progress.add_task(name_of(run), total=self.steps, detail="")

    def step(self, run, done: int, loss: float):
        """`done` steps are taken, the last of them with this loss."""
        self.progress.update(self.tasks[run.id], completed=done, detail=f"loss {loss:.4f}")
        running = sum(task.completed for task in self.progress.tasks if task.id != self.overall)
        self.progress.update(self.overall, completed=self.ended * self.steps + running)

    def end(self, run, result: dict | None, error: str | None):
        """`result` is what run.json holds, None for a run that failed with `error` or was stopped."""
        if run.id in self.tasks:
            self.progress.remove_task(self.tasks.pop(run.id))
        if not (result or error):
            return
        self.ended += 1
        self.progress.update(self.overall, completed=self.ended * self.steps, detail=f"{self.ended} of {self.n_runs} runs")
        if error:
            self.say(f"{name_of(run)}: failed: {error}")
        elif result["status"] == "diverged":
            self.say(f"{name_of(run)}: diverged at step {result['steps_taken'] - 1}")
        else:
            self.say(f"{name_of(run)}: validation loss {result['final_val_loss']:.4f}")

    def say(self, line: str):
        self.progress.print(line, markup=False, soft_wrap=True)


def name_of(run) -> str:
    return f"{run.label} @ {run.schedule.peak_lr:g}, seed {run.seed}"
