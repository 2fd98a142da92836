"""A step as one CUDA graph: the GPU is told once what to do, and then only to do it again."""

from __future__ import annotations

import torch

WARM_UP_CALLS = 3  # torch's own number: libraries allocate and choose their kernels in the first calls


class CudaGraph:
    """Calls of one function of tensors on a GPU, which takes no decision by what they hold.

    Args:
        function: of `inputs`; returns tensors. It is not called again after the capture.
        inputs: tensors of the shapes that all calls have.
        changed: tensors that the function changes in place; they keep their numbers.

    References:
        torch's notes on CUDA semantics, "CUDA Graphs", whole-network capture.
    """

    def __init__(self, function, inputs: list[torch.Tensor], changed: list[torch.Tensor]):
        self.inputs = [tensor.clone() for tensor in inputs]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_CALLS):
                rehearse(function, self.inputs, changed)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        # another thread pins the next batch meanwhile, which a capture forbids to its own thread only
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.outputs = function(*self.inputs)

    def __call__(self, *inputs: torch.Tensor) -> list[torch.Tensor]:
        for own, given in zip(self.inputs, inputs):
            own.copy_(given, non_blocking=True)
        self.graph.replay()
        return [output.clone() for output in self.outputs]  # the next call writes over them


def rehearse(function, inputs: list[torch.Tensor], changed: list[torch.Tensor]):
    """Call a function for what it does at its first call, such as to be compiled, and undo its changes."""
    before = [tensor.clone() for tensor in changed]
    function(*inputs)
    for tensor, kept in zip(changed, before):
        tensor.copy_(kept)
