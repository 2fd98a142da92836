"""GPT-2 in one file, with nanoGPT's parameter names, so that weights load both ways."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
import torch.nn as nn
from torch.nn import functional as F

WRITTEN_OUT_UP_TO = 256  # tokens of context; from there on skipping the upper triangle pays more


@dataclass(frozen=True)
class GPT2Config:
    """The shape of a GPT-2. The defaults are gpt2 (124M), its vocabulary padded to a multiple of 64.

    Args:
        block_size: longest context, in tokens.
        vocab_size: number of token ids the embedding knows.
        n_layer: blocks.
        n_head: attention heads per block.
        n_embd: width, a multiple of n_head.
        bias: whether Linear and LayerNorm have biases, as OpenAI's weights do.
        dropout: probability, 0 <= dropout < 1.

    Raises:
        ValueError: for a size below 1, an n_embd that the heads can't share, a dropout outside [0, 1).
    """

    block_size: int = 1024
    vocab_size: int = 50304
    n_layer: int = 12
    n_head: int = 12
    n_embd: int = 768
    bias: bool = True
    dropout: float = 0.0

    def __post_init__(self):
        for name in ("block_size", "vocab_size", "n_layer", "n_head", "n_embd"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}={value!r} is not allowed: give a whole number of at least 1")
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd={self.n_embd} is not allowed: give a multiple of n_head={self.n_head}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout={self.dropout} is not allowed: give a number from 0 to below 1")

    def to_dict(self) -> dict:
        """The fields as nanoGPT's checkpoints keep them, under `model_args`."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


class LayerNorm(nn.Module):
    """LayerNorm with an optional bias, which torch's own has only together with its weight."""

    def __init__(self, n_embd: int, bias: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_embd))
        self.bias = nn.Parameter(torch.zeros(n_embd)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


def causal_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
    """softmax(q k^T / sqrt(D)) v, each position attending to itself and to those before it.

    In bfloat16 on a CPU torch's own function takes several times as long as the matrix products it is made
    of; up to a context of 256 it is written out: products in bfloat16, the softmax in float32.

    Args:
        q, k, v: (B, heads, T, D), float32 or bfloat16.
        dropout: probability that a weight is dropped; default 0.

    Returns:
        (B, heads, T, D), the dtype of v.
    """
    B, heads, T, D = q.shape
    if q.device.type != "cpu" or q.dtype != torch.bfloat16 or T > WRITTEN_OUT_UP_TO:
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
    q, k, v = (t.reshape(B * heads, T, D) for t in (q, k, v))
    future = torch.full((T, T), -math.inf, dtype=q.dtype).triu(1)
    scores = torch.baddbmm(future, q, k.transpose(1, 2), alpha=1 / math.sqrt(D))
    weights = F.dropout(scores.softmax(-1, dtype=torch.float32), dropout)
    return (weights.to(v.dtype) @ v).view(B, heads, T, D)


class CausalSelfAttention(nn.Module):
    def __init__(self, config: GPT2Config):
        super().__init__()
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.resid_dropout = nn.Dropout(config.dropout)
        self.n_head = config.n_head
        self.dropout = config.dropout

    def forward(self, x):
        B, T, C = x.shape
        qkv = self.c_attn(x).view(B, T, 3, self.n_head, C // self.n_head)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, T, C/heads) each
        y = causal_attention(q, k, v, self.dropout if self.training else 0.0)
        return self.resid_dropout(self.c_proj(y.transpose(1, 2).reshape(B, T, C)))


class MLP(nn.Module):
    def __init__(self, config: GPT2Config):
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x):
        return self.dropout(self.c_proj(F.gelu(self.c_fc(x))))


class Block(nn.Module):
    def __init__(self, config: GPT2Config):
        super().__init__()
        self.ln_1 = LayerNorm(config.n_embd, config.bias)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = LayerNorm(config.n_embd, config.bias)
        self.mlp = MLP(config)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT2(nn.Module):
    """GPT-2. Weights are drawn from torch's global generator, in nanoGPT's order.

    References:
        Radford et al. 2019, Language Models are Unsupervised Multitask Learners.
    """

    def __init__(self, config: GPT2Config):
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict(
            dict(
                wte=nn.Embedding(config.vocab_size, config.n_embd),
                wpe=nn.Embedding(config.block_size, config.n_embd),
                drop=nn.Dropout(config.dropout),
                h=nn.ModuleList(Block(config) for _ in range(config.n_layer)),
                ln_f=LayerNorm(config.n_embd, config.bias),
            )
        )
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.transformer.wte.weight = self.lm_head.weight  # tied
        self.apply(self._init_weights)
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):  # a layer adds to the residual stream twice: keep its variance
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * config.n_layer))

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(
        self, idx: torch.Tensor, targets: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Next-token logits, and the mean cross-entropy where targets are given.

        Args:
            idx: int64 (B, T), token ids, T <= block_size.
            targets: int64 (B, T), the ids that follow; -1 is left out of the mean.

        Returns:
            (logits, loss): with targets, logits (B, T, vocab_size) and loss a scalar, in nats per token;
            without, logits (B, 1, vocab_size) of the last position only, and None.

        Raises:
            ValueError: for T > block_size.
        """
        T = idx.shape[1]
        if T > self.config.block_size:
            longest = self.config.block_size
            raise ValueError(f"idx has {T} tokens per row: the model's block_size is {longest}")
        tokens = self.transformer.wte(idx)
        positions = self.transformer.wpe.weight[:T]
        x = self.transformer.drop(tokens + positions)
        for block in self.transformer.h:
            x = block(x)
        x = self.transformer.ln_f(x)
        if targets is None:
            return self.lm_head(x[:, -1:]), None
        logits = self.lm_head(x)
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)

    def num_params(self) -> int:
        """Number of parameters, the position embedding left out, as nanoGPT counts them."""
        return sum(p.numel() for p in self.parameters()) - self.transformer.wpe.weight.numel()

    def flops_per_token(self) -> float:
        """FLOPs of forward and backward for one token of a full context: 6 N + 12 L T C.

        References:
            Chowdhery et al. 2022, PaLM, arXiv:2204.02311, appendix B.
        """
        c = self.config
        return 6 * self.num_params() + 12 * c.n_layer * c.block_size * c.n_embd
