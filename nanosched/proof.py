"""What a checkpoint has to prove before a run goes on from it: nothing is trusted for its place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .averages import Ema, Tail, begun
from .config import Config
from .history import History


@dataclass(frozen=True, eq=False)
class Wanted:
    """The run that is to go on: from a checkpoint of its own, or of another one that begins as it does."""

    run_id: str
    config: Config  # with the machine's settings decided
    seed: int
    fingerprint: str  # of the data
    lrs: np.ndarray  # float64, those that are certain before training
    means: tuple[Ema | Tail, ...] = ()  # that it needs, as far as they have begun
    optimizer: str = "adamw"  # the schedule's

    def doubt(self, checkpoint: dict, steps: int | None = None) -> str:
        """Why a checkpoint is not one of this run's.

        Args:
            checkpoint: what the file holds.
            steps: that its name states; default it states none.

        Returns:
            what it is instead, "" if it proves to be the run's.
        """
        try:
            history = History(**checkpoint["history"])
            return (
                self.another_step(checkpoint, history, steps)
                or self.another_run(checkpoint, history)
                or self.lacks_mean(checkpoint)
            )
        except Exception:  # whatever a file from elsewhere holds
            return "is no checkpoint of a run"

    def another_step(self, checkpoint: dict, history: History, steps: int | None) -> str:
        """A diverged run's checkpoint is its last one, under the name of every later step too."""
        taken, stated = len(history.loss), checkpoint["iter_num"]
        if {len(history.lr), len(history.grad_norm), len(history.step_s)} != {taken}:
            return "has numbers for some steps only"
        if stated != taken and (history.finite or stated < taken):
            return f"says step {stated} and has the numbers of {taken}"
        if steps is not None and steps != taken and (history.finite or steps < taken):
            return f"holds step {taken}"
        return ""

    def another_run(self, checkpoint: dict, history: History) -> str:
        owner, lrs = checkpoint["run_id"], np.array(history.lr, dtype=np.float64)
        known = min(len(lrs), len(self.lrs))
        same_lrs = np.array_equal(lrs[:known], self.lrs[:known])
        if same_lrs and owner == self.run_id:
            return ""
        if not same_lrs or known < len(lrs) or self.begins_otherwise(checkpoint, lrs):
            return f"belongs to run {owner}, which is another one at that step"
        return ""

    def lacks_mean(self, checkpoint: dict) -> str:
        """A mean of the weights can't be made up later."""
        steps, saved = checkpoint["iter_num"], checkpoint.get("averages", {})
        lacking = next((name for name in begun(self.means, steps) if name not in saved), None)
        return f"has no mean of the weights {lacking}" if lacking else ""

    def begins_otherwise(self, checkpoint: dict, lrs: np.ndarray) -> bool:
        """Whether these lrs with what the checkpoint says of config, seed, data and optimizer lead to another
        state.
        """
        if checkpoint.get("data_fingerprint") is None:  # an old one: only its owner can be sure
            return True
        config, seed = Config(**checkpoint["config"]), checkpoint["seed"]
        optimizer = checkpoint.get("optimizer_name", "adamw")
        there = config.state_id(lrs, seed, checkpoint["data_fingerprint"], optimizer=optimizer)
        return there != self.config.state_id(lrs, self.seed, self.fingerprint, optimizer=self.optimizer)
