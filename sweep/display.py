"""What a person sees while a comparison trains: an overall bar, the current run, its loss, the time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Display:
    """`with Display(runs, steps) as display:` then start, step and end for each run; a line stays for each that ended."""

    def __init__(self, runs, steps: int):
        self.n_runs, self.steps = len(runs), steps
        columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[detail]}"), TimeRemainingColumn()
        self.progress = Progress(*columns, console=Console(highlight=False))
        self.overall = self.progress.add_task("all runs", total=self.n_runs * steps, detail="")
        self.current = self.progress.add_task("", total=steps, detail="")
        self.ended = 0

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *exception):
        self.progress.stop()

    def start(self, run):
        self.name = f"{run.label} seed {run.seed}"
        self.progress.update(self.overall, completed=self.ended * self.steps, detail=f"run {self.ended + 1} of {self.n_runs}")
        self.progress.reset(self.current, description=self.name, detail="")

    def step(self, history):
        done = len(history.loss)
        self.progress.update(self.current, completed=done, detail=f"loss {history.loss[-1]:.4f}")
        self.progress.update(self.overall, completed=self.ended * self.steps + done)

    def end(self, run, result, error):
        """`result` is what run.json holds, None where the run failed (with `error`) or was stopped."""
        self.ended += 1
        if error:
            self.progress.print(f"{self.name}  failed: {error}")
        elif result and result["status"] == "complete":
            self.progress.print(f"{self.name}  validation loss {result['final_val_loss']:.4f}")
        elif result:
            self.progress.print(f"{self.name}  diverged at step {result['steps_taken']}")
