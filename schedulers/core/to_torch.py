"""A schedule as a torch LambdaLR."""

from __future__ import annotations


def to_torch(schedule, optimizer, last_epoch=-1):
    """See Schedule.to_torch."""
    import torch
    from torch.optim.lr_scheduler import LambdaLR

    if schedule.reactive:
        raise TypeError(
            f"{schedule.name} reacts to the validation loss, a LambdaLR can't: use torch's ReduceLROnPlateau"
        )

    class ScheduleLR(LambdaLR):
        def load_state_dict(self, state_dict):
            super().load_state_dict(state_dict)
            # torch leaves the optimizer at the lr of step 0 if it was loaded before this scheduler was made
            lr = float(schedule(self.last_epoch))
            for group, ratio in zip(self.optimizer.param_groups, self.base_lrs):
                if isinstance(group["lr"], torch.Tensor):
                    group["lr"].fill_(ratio * lr)
                else:
                    group["lr"] = ratio * lr

    for group, ratio in zip(optimizer.param_groups, ratios(optimizer)):
        group["initial_lr"] = ratio  # LambdaLR multiplies by this, and its factor is the lr itself
    return ScheduleLR(optimizer, lambda step: float(schedule(step)), last_epoch)


def ratios(optimizer) -> list[float]:
    """Each parameter group's lr over the highest; the lr that it began with, where torch has noted that."""
    lrs = [float(group.get("initial_lr", group["lr"])) for group in optimizer.param_groups]
    highest = max(lrs)
    return [lr / highest if highest > 0 else 1.0 for lr in lrs]
