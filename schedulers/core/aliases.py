"""Other codebases' names for the schedules here (SambaFlow, Hugging Face transformers)."""

ALIASES = {
    "fixed_lr": "constant",
    "constant_with_warmup": "constant",
    "cosine_schedule_with_warmup": "cosine",
    "polynomial_decay_schedule_with_warmup": "linear",
    "linear_schedule_with_warmup": "linear",
    "warmup_stable_decay": "wsd",
}

PARAM_ALIASES = {"end_lr_ratio": "final_lr_ratio"}
