"""GPT-2 against a second, plain implementation, nanoGPT's names and numbers, and its initial weights."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

from model import GPT2, GPT2Config
from model.gpt2 import causal_attention
from nanosched.cli import load_toml

SHAPES = [  # batch, tokens, block_size, vocab, layers, heads, width
    (2, 7, 7, 11, 1, 1, 4),
    (3, 5, 8, 17, 2, 2, 8),
    (1, 1, 4, 65, 3, 4, 16),
    (2, 16, 16, 40, 1, 3, 24),
]
erf = np.vectorize(math.erf)


def random_model(config, seed=0, std=0.1):
    """A model whose biases and LayerNorm weights are not the initial zeros and ones."""
    torch.manual_seed(seed)
    model = GPT2(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.randn_like(p) * std + ("ln" in name and name.endswith("weight")))
    return model


def reference(model, idx):
    """Logits (B, T, vocab), float64, with loops over layers and heads and an explicit mask."""
    w = {name: value.double().numpy() for name, value in model.state_dict().items()}
    c = model.config
    T, d = idx.shape[1], c.n_embd // c.n_head

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        unit = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return unit * w[f"{name}.weight"] + w.get(f"{name}.bias", 0)

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0)

    def attention(x, name):
        q, k, v = np.split(linear(x, f"{name}.c_attn"), 3, axis=-1)
        heads = []
        for h in range(c.n_head):
            part = slice(h * d, (h + 1) * d)
            scores = np.einsum("btd,bsd->bts", q[..., part], k[..., part]) / math.sqrt(d)
            scores[:, np.triu(np.ones((T, T), bool), 1)] = -np.inf
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            heads.append(np.einsum("bts,bsd->btd", weights, v[..., part]))
        return linear(np.concatenate(heads, -1), f"{name}.c_proj")

    def mlp(x, name):
        h = linear(x, f"{name}.c_fc")
        return linear(h * (1 + erf(h / math.sqrt(2))) / 2, f"{name}.c_proj")

    x = w["transformer.wte.weight"][idx] + w["transformer.wpe.weight"][:T]
    for i in range(c.n_layer):
        block = f"transformer.h.{i}"
        x = x + attention(norm(x, f"{block}.ln_1"), f"{block}.attn")
        x = x + mlp(norm(x, f"{block}.ln_2"), f"{block}.mlp")
    return norm(x, "transformer.ln_f") @ w["lm_head.weight"].T


def cross_entropy(logits, targets):
    """Of each position, by hand."""
    log_sum = np.log(np.exp(logits).sum(-1))
    return log_sum - np.take_along_axis(logits, targets[..., None], -1)[..., 0]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_logits_and_loss_are_those_of_a_plain_implementation(shape, bias):
    B, T, block, V, L, H, C = shape
    model = random_model(GPT2Config(block, V, L, H, C, bias))
    idx, targets = torch.randint(V, (2, B, T)).unbind()
    with torch.no_grad():
        logits, loss = model(idx, targets)
        last, none = model(idx)
    expected = reference(model, idx.numpy())
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
    assert loss.item() == pytest.approx(cross_entropy(expected, targets.numpy()).mean(), abs=1e-5)
    assert none is None and last.shape == (B, 1, V)
    np.testing.assert_allclose(last[:, 0], expected[:, -1], rtol=0, atol=1e-5)


def test_targets_of_minus_one_are_left_out_of_the_loss():
    model = random_model(GPT2Config(8, 17, 1, 2, 8))
    idx, targets = torch.randint(17, (2, 2, 8)).unbind()
    each = cross_entropy(reference(model, idx.numpy()), targets.numpy())
    targets[0, 2:] = -1
    assert model(idx, targets)[1].item() == pytest.approx(
        np.concatenate([each[0, :2], each[1]]).mean(), abs=1e-5
    )


def test_dropout_acts_in_training_only():
    model = random_model(GPT2Config(8, 17, 2, 2, 8, dropout=0.5))
    idx = torch.randint(17, (2, 8))
    assert not torch.equal(model(idx)[0], model(idx)[0])
    np.testing.assert_allclose(
        model.eval()(idx)[0].detach()[:, 0], reference(model, idx.numpy())[:, -1], atol=1e-5
    )


NANOGPT_NAMES = """
transformer.wte.weight transformer.wpe.weight
transformer.h.0.ln_1.weight transformer.h.0.ln_1.bias
transformer.h.0.attn.c_attn.weight transformer.h.0.attn.c_attn.bias
transformer.h.0.attn.c_proj.weight transformer.h.0.attn.c_proj.bias
transformer.h.0.ln_2.weight transformer.h.0.ln_2.bias
transformer.h.0.mlp.c_fc.weight transformer.h.0.mlp.c_fc.bias
transformer.h.0.mlp.c_proj.weight transformer.h.0.mlp.c_proj.bias
transformer.ln_f.weight transformer.ln_f.bias lm_head.weight
""".split()


@pytest.mark.parametrize("bias", [False, True])
def test_names_are_nanogpts(bias):
    model = GPT2(GPT2Config(8, 17, 1, 2, 8, bias))
    assert list(model.state_dict()) == [name for name in NANOGPT_NAMES if bias or not name.endswith("bias")]
    named = [name for name, _ in model.named_parameters()]
    assert named == list(model.state_dict())[:-1]  # the tied one counts once


def test_the_embedding_is_tied_and_stays_so():
    model = GPT2(GPT2Config(8, 17, 1, 2, 8))
    model.load_state_dict(random_model(model.config, seed=1).state_dict())
    assert model.lm_head.weight is model.transformer.wte.weight
    model(torch.zeros(1, 8, dtype=torch.int64), torch.ones(1, 8, dtype=torch.int64))[1].backward()
    assert model.lm_head.weight.grad[2:].abs().sum() > 0  # rows that only the head reads


def toml_shape(name, **changes):
    """The model of configs/NAME.toml, which gives no vocab_size: that is the tokenizer's."""
    settings = load_toml(name)
    shape = {key: settings[key] for key in ("block_size", "n_layer", "n_head", "n_embd", "bias", "dropout")}
    return GPT2Config(**{**shape, **changes})


@pytest.mark.parametrize(
    "name, changes, without_wpe, with_wpe",
    [
        ("char", dict(vocab_size=65), 10_646_784, 10_745_088),  # nanoGPT prints 10.65M
        ("gpt2", dict(vocab_size=50304, bias=False), 123_587_328, 124_373_760),  # and 123.59M
        ("gpt2", dict(vocab_size=50257), 123_653_376, 124_439_808),  # OpenAI's 124M
        ("gpt2-medium", dict(vocab_size=50257), 353_774_592, 354_823_168),
    ],
)
def test_parameter_counts(name, changes, without_wpe, with_wpe):
    with torch.device("meta"):
        model = GPT2(toml_shape(name, **changes))
    assert sum(p.numel() for p in model.parameters()) == with_wpe
    assert model.num_params() == without_wpe


def test_flops_are_those_of_nanogpts_estimate():
    with torch.device("meta"):
        model = GPT2(toml_shape("gpt2", vocab_size=50257))
    # nanoGPT's estimate_mfu: 6N + 12 L H Q T
    assert model.flops_per_token() == 6 * 123_653_376 + 12 * 12 * 12 * 64 * 1024


@pytest.mark.parametrize("bias", [False, True])
def test_initial_weights_are_nanogpts_to_the_bit(bias):
    """nanoGPT draws every module's default first, then std 0.02 in the order of apply, then c_proj again."""
    T, V, L, C = 8, 17, 2, 8
    torch.manual_seed(5)
    embeddings = [torch.nn.Embedding(V, C), torch.nn.Embedding(T, C)]
    blocks = [
        [torch.nn.Linear(i, o, bias=bias) for i, o in [(C, 3 * C), (C, C), (C, 4 * C), (4 * C, C)]]
        for _ in range(L)
    ]
    head = torch.nn.Linear(C, V, bias=False)
    for module in [*embeddings, *sum(blocks, []), head]:
        torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
    for block in blocks:
        for module in (block[1], block[3]):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02 / math.sqrt(2 * L))

    torch.manual_seed(5)
    model = GPT2(GPT2Config(T, V, L, 2, C, bias))
    ours = [model.transformer.wpe.weight, model.lm_head.weight]
    for block in model.transformer.h:
        ours += [
            block.attn.c_attn.weight,
            block.attn.c_proj.weight,
            block.mlp.c_fc.weight,
            block.mlp.c_proj.weight,
        ]
    theirs = [embeddings[1].weight, head.weight, *(module.weight for block in blocks for module in block)]
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_initial_scales():
    torch.manual_seed(0)
    model = GPT2(GPT2Config(256, 300, 3, 4, 128, bias=True))
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            assert not p.any(), name
        elif "ln" in name:
            assert (p == 1).all(), name
        else:
            std = 0.02 / math.sqrt(6) if name.endswith("c_proj.weight") else 0.02
            assert p.std().item() == pytest.approx(std, rel=0.03), name
            assert abs(p.mean().item()) < 0.02 * std, name


@pytest.mark.parametrize("bias", [False, True])
def test_state_dict_goes_round(tmp_path, bias):
    config = GPT2Config(8, 17, 2, 2, 8, bias)
    model, other = random_model(config, seed=1), random_model(config, seed=2)
    idx = torch.randint(17, (2, 8))
    assert not torch.equal(model(idx)[0], other(idx)[0])
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(model(idx)[0], other(idx)[0])


# --- the config


@pytest.mark.parametrize(
    "name, value",
    [
        ("block_size", 0),
        ("vocab_size", -1),
        ("n_layer", 1.5),
        ("n_head", "2"),
        ("n_embd", True),
        ("n_head", 3),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", math.nan),
    ],
)
def test_a_shape_that_cant_be_is_refused(name, value):
    with pytest.raises(ValueError) as error:
        GPT2Config(**{**dict(n_head=4, n_embd=16), name: value})
    blamed = "n_embd=16" if (name, value) == ("n_head", 3) else f"{name}={value!r}"
    assert blamed in str(error.value) and "give" in str(error.value) and "\n" not in str(error.value)


def test_config_defaults_and_dict():
    config = GPT2Config()
    assert (config.block_size, config.vocab_size, config.n_layer, config.n_head, config.n_embd) == (
        1024,
        50304,
        12,
        12,
        768,
    )
    assert config.to_dict() == dict(
        block_size=1024, vocab_size=50304, n_layer=12, n_head=12, n_embd=768, bias=True, dropout=0.0
    )
    assert GPT2Config(**config.to_dict()) == config
    with pytest.raises(FrozenInstanceError):
        config.n_layer = 1


@pytest.mark.parametrize(
    "name, shape",
    [
        (
            "nanogpt-cpu",
            GPT2Config(n_layer=4, n_head=4, n_embd=128, block_size=64, bias=False),
        ),  # nanoGPT's CPU recipe
        ("char", GPT2Config(n_layer=6, n_head=6, n_embd=384, block_size=256, bias=False, dropout=0.2)),
        ("gpt2", GPT2Config()),
        ("gpt2-medium", GPT2Config(n_layer=24, n_head=16, n_embd=1024)),
    ],
)
def test_the_toml_files_have_the_shapes_they_are_named_for(name, shape):
    assert toml_shape(name) == shape


def test_a_context_beyond_block_size_is_refused():
    model = GPT2(GPT2Config(8, 17, 1, 2, 8))
    model(torch.zeros(1, 8, dtype=torch.int64))
    with pytest.raises(ValueError, match="9 tokens.*block_size is 8"):
        model(torch.zeros(1, 9, dtype=torch.int64))


@pytest.mark.parametrize("context", [1, 7, 64, 256, 300])  # written out up to 256
def test_attention_in_bfloat16_is_that_of_float64_to_its_precision(context):
    generator = torch.Generator().manual_seed(context)
    exact = [torch.randn(2, 3, context, 16, dtype=torch.float64, generator=generator) for _ in range(3)]
    rounded = [t.bfloat16().requires_grad_() for t in exact]
    exact = [t.double().detach().requires_grad_() for t in rounded]
    future = torch.ones(context, context, dtype=torch.bool).triu(1)
    scores = (exact[0] @ exact[1].mT / 4).masked_fill(future, -math.inf)
    expected, found = scores.softmax(-1) @ exact[2], causal_attention(*rounded)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), expected, atol=0.02, rtol=0.02)
    for got, wanted in zip(
        torch.autograd.grad(found.square().sum(), rounded),
        torch.autograd.grad(expected.square().sum(), exact),
    ):
        assert (got - wanted).norm() <= 0.02 * wanted.norm() + 1e-6


def test_attention_written_out_drops_weights_and_keeps_their_mean():
    q = k = torch.zeros(64, 4, 8, 4, dtype=torch.bfloat16)  # each position attends evenly
    v = torch.ones(64, 4, 8, 4, dtype=torch.bfloat16)
    torch.manual_seed(0)
    dropped = causal_attention(q, k, v, 0.25).float()
    assert torch.equal(causal_attention(q, k, v).float(), v.float())
    assert dropped.std() > 0.1 and abs(dropped.mean() - 1) < 0.05
