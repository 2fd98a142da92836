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
            for group in self.optimizer.param_groups:
                if isinstance(group["lr"], torch.Tensor):
                    group["lr"].fill_(lr)
                else:
                    group["lr"] = lr

    for group in optimizer.param_groups:
        group["initial_lr"] = 1.0  # LambdaLR multiplies by this, so that its factor is the lr itself
    return ScheduleLR(optimizer, lambda step: float(schedule(step)), last_epoch)
