"""The statistics of verdicts by hand, against scipy and against simulated comparisons."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.differences import (
    ALPHA,
    holm,
    holm_levels,
    noise_floor,
    paired_difference,
    prob_best,
    rank_correlation,
    resamples,
    t_test,
)
from analysis.noise import PairNoise
from analysis.power import MAX_SEEDS, power, seeds_needed, seeds_to_decide, smallest_effect
from analysis.sentences import answer, control_sentence, pair_sentence, standing_sentence
from analysis.simultaneous import against_best, critical_value
from analysis.verdicts import Verdict, all_pairs, judge, ranking

pytestmark = pytest.mark.filterwarnings("error")
EXPERIMENTS = 20_000
few = settings(max_examples=30)


def by_seed(*losses):
    return dict(enumerate(losses))


def simulated(key, *shape):
    return np.random.Generator(np.random.Philox(key=key)).standard_normal(shape)


def rate(expected, experiments=EXPERIMENTS):
    """A share of that many experiments within four standard errors."""
    return pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / experiments))


def pairs_of(losses):
    return all_pairs(losses, ranking(losses))


def standing(losses, name, **how):
    return judge(losses, **how).named(name)


def pair(losses, *names):
    return pairs_of(losses)[frozenset(names)]


def sentence(losses, *names):
    """Of a pair, or of one schedule in its ranking."""
    if len(names) == 2:
        return pair_sentence(pair(losses, *names), losses)
    verdicts = judge(losses)
    return standing_sentence(verdicts.named(names[0]), verdicts)


def standings(losses):
    return judge(losses).standings


def minimum_detectable_difference(n, sd, alpha=ALPHA):
    return sd * smallest_effect(n, alpha)


quarters = st.integers(-40, 40).map(lambda x: x / 4)  # sums and differences of these have no rounding


@st.composite
def comparisons(draw, loss=quarters):
    """{schedule: {seed: loss}} with ties, diverged seeds and seeds that are not there."""
    names, seeds = draw(st.permutations("abcde")), draw(st.permutations(range(5)))
    names, seeds = names[: draw(st.integers(1, 5))], seeds[: draw(st.integers(1, 5))]
    losses = st.one_of(loss, loss, loss, st.sampled_from([None, math.nan, math.inf]))
    return {name: {seed: draw(losses) for seed in seeds if draw(st.integers(0, 9))} for name in names}


# --- one pair


def test_paired_difference_by_hand():
    d = paired_difference(by_seed(3.0, 5.0, 7.0), minus=by_seed(2.0, 3.0, 4.0))  # 1, 2, 3
    half = 0.95 * math.sqrt(2 / (1 - 0.95**2)) / math.sqrt(3)  # with 2 degrees of freedom t has this quantile
    assert (d.n, d.mean, d.sd) == (3, 2, 1)
    assert (d.low, d.high) == (pytest.approx(2 - half, rel=1e-9), pytest.approx(2 + half, rel=1e-9))
    assert d.p == pytest.approx(1 - math.sqrt(12 / 14), rel=1e-12)  # and p = 1 - t / sqrt(t**2 + 2)


def test_two_seeds_are_allowed_and_say_little():
    d = paired_difference(by_seed(1.0, 3.0), minus=by_seed(0.0, 0.0))
    assert d.p == pytest.approx(1 - 2 / math.pi * math.atan(2), rel=1e-12)  # the Cauchy distribution
    assert d.high - d.low == pytest.approx(2 * math.tan(math.pi * 0.475), rel=1e-9)


@few
@given(st.lists(st.tuples(st.floats(1, 10), st.floats(1, 10)), min_size=2, max_size=8))
def test_paired_difference_is_ttest_rel(losses):
    a, b = np.array(losses).T
    if np.ptp(a - b) > 1e-6:
        test, d = stats.ttest_rel(a, b), paired_difference(by_seed(*a), by_seed(*b))
        interval = test.confidence_interval()
        assert (d.p, d.low, d.high) == pytest.approx((test.pvalue, interval.low, interval.high), rel=1e-9)


@few
@given(st.lists(st.tuples(quarters, quarters), max_size=6))
def test_the_other_way_round_only_the_sign_changes(losses):
    a, b = by_seed(*(x for x, _ in losses)), by_seed(*(y for _, y in losses))
    d, r = paired_difference(a, b), paired_difference(b, a)
    assert [d.n, d.mean, d.sd, d.p, d.low, d.high] == pytest.approx(
        [r.n, -r.mean, r.sd, r.p, -r.high, -r.low], nan_ok=True
    )


def test_pairs_use_the_seeds_that_both_came_through_with():
    a = {0: 3.0, 1: math.nan, 2: 5.0, 3: 7.0, 9: 1.0}
    b = {3: 4.0, 2: 3.0, 1: 1.0, 0: 2.0, 8: math.inf}
    assert paired_difference(a, b) == paired_difference(by_seed(3.0, 5.0, 7.0), by_seed(2.0, 3.0, 4.0))


def test_the_same_run_under_two_names():
    d = paired_difference(by_seed(2.3, 2.4), minus=by_seed(2.3, 2.4))
    assert (d.n, d.mean, d.sd, d.low, d.high, d.p) == (2, 0, 0, 0, 0, 1)


@pytest.mark.parametrize(
    "a, b", [((3.0, 4.0), (2.0, 3.0)), ((2.1, 3.1, 4.1), (2.0, 3.0, 4.0))]
)  # the second but for rounding
def test_equal_differences_have_no_interval_and_no_p(a, b):
    d = paired_difference(by_seed(*a), by_seed(*b))
    assert d.sd == 0 and d.mean == pytest.approx(a[0] - b[0])
    assert all(map(math.isnan, [d.low, d.high, d.p]))


# --- the interval


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_interval_holds_the_true_difference_in_95_of_100_comparisons(n):
    a, b = (
        2.37 + 0.01 * simulated(n, 2, EXPERIMENTS, n) + 0.05 * simulated(n + 100, EXPERIMENTS, n)
    )  # what seeds share cancels out
    low, high, p = t_test(a + 0.02 - b)
    covered = ((low < 0.02) & (0.02 < high)).mean()
    assert covered == rate(0.95) and 0.93 < covered < 0.97
    assert ((p < ALPHA) == ((low > 0) | (high < 0))).all()


def test_the_interval_is_that_of_the_simulation():
    a, b = simulated(0, 2, 5)
    d = paired_difference(by_seed(*a), by_seed(*b))
    assert (d.low, d.high, d.p) == t_test(a - b)


def test_heavy_tails_make_the_interval_wider_than_it_need_be():
    noise = np.random.Generator(np.random.Philox(key=1)).standard_t(3, (EXPERIMENTS, 5))
    low, high, _ = t_test(noise)
    assert 0.95 < ((low < 0) & (0 < high)).mean() < 0.98


# --- Holm


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )  # 3 x 0.01, not below 2 x 0.03, 2 x 0.03, 4 x 0.005
    assert holm([0.6, 0.5, 0.001]) == pytest.approx([1, 1, 0.003])
    assert holm([0.02]) == pytest.approx([0.02]) and len(holm([])) == 0


def test_what_was_not_tested_is_not_counted():
    assert holm([math.nan, 0.02, math.nan, 0.01]) == pytest.approx(
        [math.nan, 0.02, math.nan, 0.02], nan_ok=True
    )


@few
@given(
    st.lists(st.sampled_from([0, 1e-9, 0.001, 0.01, 0.02, 0.04, 0.3, 1.0]), min_size=1, max_size=12),
    st.randoms(),
)
def test_holm_rejects_what_his_procedure_rejects(p, random):
    p, corrected = np.array(p), holm(p)
    for alpha in (0.005, 0.0501, 0.2501):
        rejected = 0  # step down from the smallest, and stop at the first that isn't below its alpha
        while rejected < len(p) and np.sort(p)[rejected] < alpha / (len(p) - rejected):
            rejected += 1
        assert (corrected < alpha).sum() == rejected
    assert (corrected >= p).all() and (corrected <= np.minimum(1, len(p) * p)).all()
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= 0).all()
    order = random.sample(range(len(p)), len(p))
    assert (holm(p[order]) == corrected[order]).all()


@few
@given(st.lists(st.sampled_from([1e-9, 0.001, 0.004, 0.01, 0.02, 0.04, 0.3, 1.0, math.nan]), max_size=12))
def test_holms_levels_reject_what_holm_rejects(p):
    p, levels = np.array(p), holm_levels(p)
    assert ((p < levels) == (holm(p) < ALPHA)).all() and (np.isnan(levels) == np.isnan(p)).all()
    assert set(levels[np.isfinite(p)]) <= {ALPHA / m for m in range(1, len(p) + 1)}


@few
@given(comparisons(loss=st.floats(2, 3)))
def test_a_pairs_interval_leaves_out_zero_where_holm_rejects(losses):
    for p in pairs_of(losses).values():
        d = p.difference
        if d.sd > 0:
            assert (d.low > 0 or d.high < 0) == (p.p_holm < ALPHA) == p.significant
            assert (d.low + d.high) / 2 == pytest.approx(d.mean)


def test_a_pairs_interval_by_hand():
    losses = dict(a=by_seed(1.0, 1.1, 1.2), b=by_seed(2.0, 2.11, 2.19), c=by_seed(1.05, 1.0, 1.4))
    levels = {("a", "b"): ALPHA / 3, ("c", "b"): ALPHA / 2, ("a", "c"): ALPHA}  # all but the last rejected
    for (first, second), level in levels.items():
        test = stats.ttest_rel(list(losses[second].values()), list(losses[first].values()))
        interval, d = test.confidence_interval(1 - level), pair(losses, first, second).difference
        assert (d.low, d.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("noise", ["normal", "heavy tails"])
def test_of_equal_schedules_all_are_called_equal_in_95_of_100_comparisons(noise):
    own = (
        simulated(3, EXPERIMENTS, 5, 5)
        if noise == "normal"
        else np.random.Generator(np.random.Philox(key=3)).standard_t(3, (EXPERIMENTS, 5, 5))
    )
    losses = 2.37 + 0.003 * own + 0.008 * simulated(4, EXPERIMENTS, 1, 5)  # (experiment, schedule, seed)
    p = np.stack([t_test(losses[:, a] - losses[:, b])[2] for a, b in combinations(range(5), 2)], axis=1)
    wrong = np.mean([holm(row).min() < ALPHA for row in p])
    assert (p.min(axis=1) < ALPHA).mean() > 0.2  # what the correction is for
    assert 0.01 < wrong < 0.05 + 3 * math.sqrt(0.05 * 0.95 / EXPERIMENTS)


def test_all_pairs_is_that_of_the_simulation():
    losses = 2.37 + 0.003 * simulated(5, 5, 6) + 0.008 * simulated(6, 6)
    couples = list(combinations("abcde", 2))
    p = holm([stats.ttest_rel(losses["abcde".index(a)], losses["abcde".index(b)]).pvalue for a, b in couples])
    pairs = pairs_of({name: by_seed(*row) for name, row in zip("abcde", losses)})
    assert [pairs[frozenset(couple)].p_holm for couple in couples] == pytest.approx(list(p), rel=1e-9)


# --- power


@pytest.mark.parametrize("effect, n", [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_seeds_needed_as_in_the_tables(effect, n):
    assert seeds_needed(effect, 1.0) == seeds_needed(-0.01 * effect, 0.01) == n  # G*Power's, matched pairs


@pytest.mark.parametrize("effect", [0.7, 1.2, 2.0, 6.0])
def test_seeds_needed_have_the_power_and_one_fewer_has_not(effect):
    n = seeds_needed(0.003 * effect, 0.003)
    for seeds in {n, max(2, n - 1)}:
        *_, p = t_test(0.003 * (effect + simulated(seeds, EXPERIMENTS, seeds)))
        assert (p < ALPHA).mean() == rate(power(effect, seeds))
    assert power(effect, n) >= 0.8 > (power(effect, n - 1) if n > 2 else 0)


@pytest.mark.parametrize("n", [2, 3, 5, 20, 300])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 190])
def test_minimum_detectable_difference_is_the_inverse_of_seeds_needed(n, alpha):
    difference = minimum_detectable_difference(n, 0.003, alpha)
    assert power(difference / 0.003, n, alpha) == pytest.approx(0.8, abs=1e-6)
    assert seeds_needed(1.0001 * difference, 0.003, alpha) == n
    assert seeds_needed(0.9999 * difference, 0.003, alpha) == n + 1


def test_seeds_needed_at_its_ends():
    assert seeds_needed(1e9, 1e-9) == 2
    assert seeds_needed(0.0, 1.0) is seeds_needed(0.01, 1.0) is None
    limit = minimum_detectable_difference(MAX_SEEDS, 1.0)
    assert (seeds_needed(1.0001 * limit, 1.0), seeds_needed(0.9999 * limit, 1.0)) == (MAX_SEEDS, None)


@pytest.mark.parametrize(
    "call",
    [
        lambda: seeds_needed(1.0, 0.0),
        lambda: seeds_needed(1.0, math.nan),
        lambda: seeds_needed(math.nan, 1.0),
    ],
)
def test_what_power_cannot_be_asked(call):
    with pytest.raises(ValueError, match="not allowed"):
        call()


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 10, 0.05 / 190])
def test_power_rises_with_seeds_and_effect(alpha):
    effects, seeds = [0, 1e-9, 1e-3, 0.1, 0.3, 1, 3, 10, 30, 100, 1e3, 1e20], [2, 3, 5, 9, 30, 100, 1000]
    table = np.array([[power(effect, n, alpha) for n in seeds] for effect in effects])
    assert table[0] == pytest.approx(alpha / 2) and (table <= 1).all()
    assert (np.diff(table, axis=0) >= -1e-9).all() and (np.diff(table, axis=1) >= -1e-9).all()


# --- the probability of being best


def test_prob_best_is_as_sure_as_the_t_test():
    """Of two schedules it is about 1 - p/2: normal noise, equal schedules, few seeds."""
    rng = np.random.Generator(np.random.Philox(3))
    found, expected = [], []
    for a, b in rng.standard_normal((300, 2, 5)):
        found.append(prob_best(dict(a=by_seed(*a), b=by_seed(*b)))["a"])
        difference = paired_difference(by_seed(*b), by_seed(*a))
        expected.append(1 - difference.p / 2 if difference.mean > 0 else difference.p / 2)
    assert np.abs(np.array(found) - expected).mean() < 0.02
    assert np.mean(np.maximum(found, 1 - np.array(found)) > 0.975) == pytest.approx(0.05, abs=0.03)


def test_prob_best_where_it_is_known():
    assert prob_best(dict(a=by_seed(1.0, 2.0, 3.0), b=by_seed(1.1, 2.1, 3.1))) == dict(a=1, b=0)
    a, b, c = prob_best(
        dict(a=by_seed(0.1, 0.2, 0.3), b=by_seed(0.2, 0.3, 0.1), c=by_seed(0.3, 0.1, 0.2))
    ).values()
    assert [a, b, c] == pytest.approx([1 / 3] * 3, abs=0.02)


def test_two_names_of_one_run_share_their_chance():
    losses = dict(
        constant=by_seed(2.1, 2.2, 2.31), plateau=by_seed(2.1, 2.2, 2.31), wsd=by_seed(2.2, 2.1, 2.3)
    )
    prob = prob_best(losses)
    assert prob["constant"] == prob["plateau"] and sum(prob.values()) == pytest.approx(1)
    assert 2 * prob["constant"] == pytest.approx(prob_best(dict(a=losses["constant"], b=losses["wsd"]))["a"])
    assert prob_best(dict(a=by_seed(1.0, 2.0), b=by_seed(1.0, 2.0))) == dict(a=0.5, b=0.5)


@few
@given(comparisons())
def test_prob_best_sums_to_one_or_is_not_claimed(losses):
    prob = prob_best(losses)
    assert set(prob) == set(losses)
    assert sum(prob.values()) == pytest.approx(1) or all(map(math.isnan, prob.values()))


# --- the whole comparison


@few
@given(comparisons(), st.randoms())
def test_the_order_of_schedules_and_seeds_does_not_matter(losses, random):
    def shuffled(items):
        return dict(random.sample(list(items.items()), len(items)))

    mixed = shuffled({name: shuffled(row) for name, row in losses.items()})
    assert repr(judge(mixed)) == repr(judge(losses))
    assert repr(list(pairs_of(mixed).values())) == repr(list(pairs_of(losses).values()))


@few
@given(comparisons(), st.lists(st.integers(-3, 3), min_size=5, max_size=5))
def test_what_a_seed_does_to_all_schedules_does_not_matter(losses, shifts):
    names = [name for name, row in losses.items() if len(row) == max(map(len, losses.values()))]
    losses = {name: {s: x for s, x in losses[name].items() if x is not None} for name in names}
    shifted = {name: {s: x + shifts[s] for s, x in row.items()} for name, row in losses.items()}
    for (a, b), old in ((sorted(both), p) for both, p in pairs_of(losses).items()):
        new = pair(shifted, a, b)
        assert repr(paired_difference(shifted[a], shifted[b])) == repr(
            paired_difference(losses[a], losses[b])
        )
        assert repr(new.p_holm) == repr(old.p_holm) and new.verdict == old.verdict


@few
@given(comparisons(loss=st.floats(2, 3)))
def test_no_verdict_asks_for_fewer_seeds_than_there_were(losses):
    for p in pairs_of(losses).values():
        assert p.significant or p.seeds_needed is None or p.seeds_needed > p.difference.n


@few
@given(comparisons())
def test_a_summary_has_a_line_for_each_schedule_and_best_comes_first(losses):
    lines = standings(losses)
    names = [line.name for line in lines]
    assert names == ranking(losses) and set(losses) == set(names)
    found = against_best({name: dict(sorted(losses[name].items())) for name in names})
    for line in lines:
        if line.name in found and not math.isnan(found[line.name].low):
            assert line.interval == found[line.name]
        else:
            assert line.verdict in (None, Verdict.UNTESTED) and math.isnan(line.p_adjusted)


@st.composite
def drawn(draw):
    """Comparisons with differences far larger than the noise and with none, some of them without a run."""
    rng = np.random.Generator(np.random.Philox(key=draw(st.integers(0, 10**6))))
    seeds = draw(st.integers(2, 6))
    means = draw(st.lists(st.sampled_from([0.0, 0.0, 0.001, 0.004, 0.02, 0.5]), min_size=2, max_size=7))
    rows = np.reshape(means, (-1, 1)) + 0.1 * rng.standard_normal(seeds)
    rows = 2.3 + rows + draw(st.sampled_from([1e-4, 3e-3])) * rng.standard_normal(rows.shape)
    losses = {name: by_seed(*row.tolist()) for name, row in zip("abcdefg", rows)}
    if draw(st.integers(0, 4)) == 0:
        losses[draw(st.sampled_from(sorted(losses)))][0] = math.nan
    if draw(st.integers(0, 4)) == 0:
        losses["a"] = dict(losses["b"])
    return losses


@settings(max_examples=60, deadline=None)
@given(drawn(), st.booleans(), st.sampled_from([0.0, 0.005, 0.1]), st.sampled_from([0.05, 0.01]))
@example(  # better on the seeds in common, but one of its own did not complete, so it ranks last
    dict(a={0: math.nan, 1: 2.12257, 2: 2.43259}, b={0: 2.31981, 1: 2.1264, 2: 2.43665}), False, 0.0, 0.05
)
def test_interval_p_verdict_and_words_agree(losses, to_baseline, margin, alpha):
    baseline = "b" if to_baseline else None
    verdicts = judge(losses, baseline, margin, alpha)
    found = answer(verdicts)
    for line in verdicts.standings:
        words = standing_sentence(line, verdicts)
        if line.interval is None:
            assert line.name == baseline and line.verdict is None and words.startswith("b is the baseline")
            continue
        low, high = line.interval.low, line.interval.high
        within = high <= margin and (low >= -margin or not to_baseline and high >= 0)
        apart = low > 0 or high < 0
        assert apart == line.significant == (line.p_adjusted < alpha) == ("significantly" in words)
        assert (line.verdict is Verdict.WORSE) == (low > 0 and not within)
        assert (line.verdict is Verdict.BETTER) == (high < 0 and not within)
        assert (line.verdict is Verdict.UNDECIDED) == (low <= 0 <= high and not within)
        assert (line.verdict is Verdict.UNTESTED) == math.isnan(low)
        assert line.verdict is not Verdict.EQUIVALENT or within
        assert ("would be needed" in words) == (line.verdict is Verdict.UNDECIDED)
        if low <= 0 and not to_baseline and " others " not in found:
            assert f"{line.name}, " in found or f"{line.name} " in found  # it is named as perhaps the best
    better, worse = (verdicts.having(verdict) for verdict in (Verdict.BETTER, Verdict.WORSE))
    if to_baseline:
        assert f"{len(better)} of " in found or not better
        assert ("significantly lower" in found) == bool(better)
        assert ("significantly higher" in found) == bool(worse)
    else:
        assert len(better) <= 1  # and where it doesn't rank first, some of its seeds did not complete
        assert better in ([], [verdicts.best]) or better[0].incomplete > verdicts.best.incomplete
        assert ("significantly lower than" in found) == bool(better)


def test_answers_in_words():
    noise = {name: 0.001 * simulated(i, 5) for i, name in enumerate("abcdefgh")}

    def named(margin=0.0005, baseline=None, **means):
        losses = {name: by_seed(*(2 + mean + noise[name]).tolist()) for name, mean in means.items()}
        return answer(judge(losses, baseline, margin))

    how = "(95% simultaneous intervals)"
    assert named(a=0, b=0.5, c=0.6) == f"a is significantly lower than all 2 others {how}"
    assert named(a=0, b=0.5) == f"a is significantly lower than the other {how}"
    maybe = "a and b may be the best"
    assert named(a=0, b=0, c=0.5, d=0.6) == f"{maybe}; the 2 others are significantly worse {how}"
    assert named(a=0, b=0, d=0.6) == f"{maybe}; d is significantly worse {how}"
    assert named(a=0, b=0) == f"{maybe}, and none is significantly worse {how}"
    equivalent = "a and b are equivalent to the best within 0.1"
    assert named(a=0, b=0, margin=0.1) == f"{equivalent} {how}"
    assert named(a=0, b=0, c=0.5, margin=0.1) == f"{maybe}; c is significantly worse {how}; {equivalent}"
    assert named(a=0, b=0.02, c=0.5, margin=0.1) == (f"{maybe}; c is significantly worse {how}; {equivalent}")
    means = dict(a=0, b=0, c=0.5, d=0.6, e=-0.5)
    assert named(baseline="a", **means) == (
        "1 of 4 is significantly lower than a (e), 2 are significantly higher (c and d), 1 is undecided (b); "
        "95% simultaneous intervals"
    )
    assert named(baseline="a", a=0, b=0) == "1 of 1 is undecided against a (b); 95% simultaneous intervals"
    many = dict.fromkeys("abcdefgh", 0)
    assert "and 4 others may be the best, and none" in named(**many)


def test_standings_in_words():
    losses = dict(
        a=by_seed(2.000, 2.101, 2.200, 2.300),
        b=by_seed(2.003, 2.102, 2.203, 2.301),
        c=by_seed(2.500, 2.603, 2.701, 2.800),
    )

    def words(name, **how):
        verdicts = judge(losses, **how)
        return standing_sentence(verdicts.named(name), verdicts)

    assert words("c").startswith("c is significantly higher than the best, by 0.50")
    assert words("a", margin=0) == "a may be the best, which 4 seeds do not tell; about 6 would be needed"
    assert words("b", margin=0.05) == "b is equivalent to the best: at most 0.0042 above it"
    assert words("c", margin=0.6) == (
        f"c is equivalent to the best: at most {standing(losses, 'c').interval.high:.4f} above it, though "
        "significantly higher, p < 0.001"
    )
    assert words("a", baseline="b", margin=0.05).startswith("a is equivalent to b: at most 0.00")
    assert words("c", baseline="b").startswith("c is significantly higher than b, by 0.49")
    undecided = "a and b cannot be told apart with 4 seeds; about 6 would be needed"
    assert words("a", baseline="b", margin=0) == undecided
    assert words("b", baseline="b") == "b is the baseline"


# --- the seeds that would decide


def pair_noise_of(n, mean, sd):
    return PairNoise(n, mean, sd, sd**2, n - 1.0)


@pytest.mark.parametrize("effect", [0.4, 0.8, 1.5])
def test_without_a_margin_and_alone_they_are_those_of_the_t_test(effect):
    pair = pair_noise_of(3, 0.003 * effect, 0.003)
    assert seeds_to_decide(pair, 1, 0.0, both_sides=False) == seeds_needed(0.003 * effect, 0.003)


@pytest.mark.parametrize("both_sides", [False, True])
@pytest.mark.parametrize("m", [1, 5])
def test_seeds_that_show_equivalence_do_so_four_times_of_five(m, both_sides):
    sd, margin = 0.01, 0.008
    n = seeds_to_decide(pair_noise_of(3, 0.0, sd), m, margin, both_sides)
    for seeds, enough in ((n, True), (n - 2, False)):
        differences = sd * simulated(seeds, EXPERIMENTS, seeds)
        width = critical_value(m, seeds - 1.0, ALPHA) * differences.std(1, ddof=1) / math.sqrt(seeds)
        inside = differences.mean(1) + width <= margin
        if both_sides:
            inside &= differences.mean(1) - width >= -margin
        assert (inside.mean() >= 0.79) == enough


def test_two_names_of_one_run_need_as_many_seeds():
    losses = dict(a=by_seed(2.0, 2.1, 2.2, 2.3), b=by_seed(2.003, 2.102, 2.206, 2.301))
    losses["twin"] = dict(losses["a"])
    assert standing(losses, "a").difference == standing(losses, "twin").difference == 0
    found = {name: standing(losses, name, margin=0).seeds_needed for name in losses}
    assert found["a"] == found["twin"] == found["b"] > 4


def test_more_comparisons_need_more_seeds_and_pooled_noise_fewer():
    pair = pair_noise_of(5, 0.003, 0.003)
    found = [seeds_to_decide(pair, m, 0.0, both_sides=False) for m in (1, 5, 20)]
    assert found == sorted(set(found))
    pooled = PairNoise(5, 0.003, 0.003, 0.003**2, 40.0)
    assert seeds_to_decide(pooled, 5, 0.0, both_sides=False) < found[1]
    assert seeds_to_decide(pair_noise_of(5, 1e-6, 0.003), 5, 0.0, both_sides=False) is None
    assert seeds_to_decide(pair_noise_of(5, 0.1, 0.0), 5, 0.0, both_sides=False) is None


def test_two_hundred_schedules_are_compared_with_the_best():
    losses = {f"s{i}": by_seed(*(2 + 0.01 * i + 0.001 * simulated(i, 3))) for i in range(200)}
    verdicts = judge(losses)
    assert verdicts.best.name == "s0" and not verdicts.pairs
    assert len(verdicts.having(Verdict.WORSE)) == 199


def test_the_same_numbers_every_time():
    losses = {name: by_seed(*row) for name, row in zip("abcd", simulated(7, 4, 5))}
    state = repr(np.random.get_state())
    first = repr(judge(losses))
    resamples.cache_clear()
    np.random.seed(5)
    before = repr(np.random.get_state())
    assert repr(judge(losses)) == first
    assert repr(np.random.get_state()) == before != state


# --- words


def test_verdicts_in_words():
    losses = dict(
        wsd=by_seed(2.360, 2.370, 2.380),
        cosine=by_seed(2.390, 2.399, 2.410),
        linear=by_seed(2.365, 2.369, 2.386),
        twin=by_seed(2.360, 2.370, 2.380),
        shifted=by_seed(2.460, 2.470, 2.480),
    )
    expected = {
        ("wsd", "cosine"): (
            Verdict.WORSE,
            "wsd is significantly lower than cosine, by 0.0297 (0.0260 to 0.0333), Holm p < 0.001",
        ),
        ("linear", "wsd"): (
            Verdict.UNDECIDED,
            "wsd and linear cannot be told apart with 3 seeds; about 21 would be needed",
        ),
        ("wsd", "twin"): (Verdict.IDENTICAL, "twin and wsd are identical in all 3 seeds"),
        ("wsd", "shifted"): (
            Verdict.UNTESTED,
            "wsd is lower than shifted by the same 0.1 in all 3 seeds: without any noise nothing is claimed",
        ),
    }
    for names, (verdict, words) in expected.items():
        assert (pair(losses, *names).verdict, sentence(losses, *names)) == (verdict, words)
    assert not pair(losses, "wsd", "shifted").significant


def test_more_than_a_thousand_seeds():
    losses = dict(a=by_seed(0.0, 0.0, 0.0), b=by_seed(1.0, -1.0, 0.001))
    words = "a and b cannot be told apart with 3 seeds; more than 1,000 would be needed"
    assert sentence(losses, "a", "b") == words


def test_one_seed_claims_nothing():
    losses = dict(a={3: 1.0}, b={3: 2.0}, c={3: 1.0})
    for line in standings(losses):
        assert line.verdict in (None, Verdict.UNTESTED)
        assert sentence(losses, line.name) == "one seed: nothing is claimed"
        assert math.isnan(line.prob_best) and math.isnan(line.p_adjusted)
    for p in pairs_of(losses).values():
        d = p.difference
        assert all(map(math.isnan, [d.sd, d.low, d.high, d.p])) and d.n == 1
        assert (p.verdict, p.significant, p.seeds_needed) == (Verdict.UNTESTED, False, None)
        assert pair_sentence(p, losses) == "one seed: nothing is claimed"
    assert [line.difference for line in standings(losses)] == [0, 0, 1]
    verdicts = judge(losses, baseline="b")
    assert [line.difference for line in verdicts.standings] == [-1, -1, 0]
    assert answer(verdicts) == "one seed: nothing is claimed"


# --- diverged runs


@pytest.mark.parametrize("lost", [None, math.nan, math.inf])
def test_a_schedule_with_a_diverged_seed_ranks_last(lost):
    losses = dict(
        high=by_seed(3.0, 3.11, 3.2, 3.3),
        gone=by_seed(lost, lost, lost, lost),
        low=by_seed(1.0, lost, 1.2, 1.31),
        best=by_seed(2.0, 2.1, 2.2, 2.31),
    )
    lines = {line.name: line for line in standings(losses)}
    assert list(lines) == ranking(losses) == ["best", "high", "low", "gone"]
    assert [line.incomplete for line in lines.values()] == [0, 0, 1, 4]
    assert len(lines["low"].losses) == 4
    assert [line.prob_best for line in lines.values()] == [1, 0, 0, 0]
    assert lines["low"].mean == pytest.approx(3.51 / 3) and lines["low"].interval.n == 3
    assert sentence(losses, "low").endswith("; low diverged or failed with 1 of 4 seeds")
    nothing = "the others and gone have no seed in common: nothing is claimed"
    assert sentence(losses, "gone") == f"{nothing}; gone diverged or failed with 4 of 4 seeds"
    assert math.isnan(lines["gone"].mean) and lines["gone"].interval.n == 0
    words = "high is significantly worse than the best (95% simultaneous intervals)"
    assert answer(judge(losses)) == f"{words}; nothing is claimed of best, low and gone"


def test_a_claim_about_a_schedule_that_diverged_says_so():
    losses = dict(a=by_seed(1.0, 1.101, 1.2, 1.3, math.nan), b=by_seed(2.0, 2.1, 2.2, 2.301, 2.4))
    lower = "a is significantly lower than b, by 1.0000 (0.9987 to 1.0013), Holm p < 0.001"
    assert sentence(losses, "a").startswith("a is significantly lower than the other, by 1.0000 (0.9987 to")
    assert sentence(losses, "a", "b") == f"{lower}; a diverged or failed with 1 of 5 seeds"
    assert pair(losses, "b", "a").verdict is Verdict.BETTER  # of a, which ranks second
    assert ranking(losses) == ["b", "a"] and prob_best(losses) == dict(a=0, b=1)


def test_where_all_diverged_nothing_is_claimed():
    losses = dict(a=by_seed(math.nan, math.nan), b=by_seed(math.nan, math.nan))
    assert all(math.isnan(line.prob_best) for line in standings(losses))
    assert all("with 2 of 2 seeds" in sentence(losses, name) for name in losses)


def test_one_schedule_alone():
    losses = dict(a=by_seed(1.0, 2.0))
    (line,) = standings(losses)
    assert line.prob_best == 1 and sentence(losses, "a") == answer(judge(losses)) == "a is the only schedule"
    assert answer(judge(dict(a=by_seed(math.nan)))) == "a diverged or failed with 1 of 1 seed"


# --- A/A


def test_noise_floor_by_hand():
    floor = noise_floor(by_seed(1.0, 2.0, 3.0), {7: 4.0, 8: 8.0})
    error = math.sqrt(1 / 3 + 8 / 2)  # Welch: variances 1 and 8
    df = (1 / 3 + 8 / 2) ** 2 / ((1 / 3) ** 2 / 2 + (8 / 2) ** 2 / 1)
    assert floor.n == (3, 2) and floor.mean == 4
    assert floor.p == pytest.approx(2 * stats.t.sf(4 / error, df), rel=1e-9)
    assert (floor.low, floor.high) == pytest.approx(
        (4 - stats.t.isf(0.025, df) * error, 4 + stats.t.isf(0.025, df) * error), rel=1e-9
    )
    assert not floor.different


def test_a_schedule_differs_from_itself_in_5_of_100_comparisons():
    found = [
        noise_floor(by_seed(*row[:5]), dict(zip(range(5, 10), row[5:])))
        for row in 2.37 + 0.008 * simulated(8, 1500, 10)
    ]
    assert np.mean([floor.different for floor in found]) == rate(0.05, 1500)
    assert np.mean([floor.low < 0 < floor.high for floor in found]) == 1 - np.mean(
        [floor.different for floor in found]
    )


def test_a_real_difference_is_called_different():
    assert noise_floor(by_seed(1.0, 1.1, 1.2), {5: 2.0, 6: 2.1, 7: 2.2}).different


def test_noise_floor_leaves_diverged_runs_out():
    assert noise_floor({0: 1.0, 1: 2.0, 2: None}, {5: 3.0, 6: 5.0, 7: math.nan}) == noise_floor(
        {0: 1.0, 1: 2.0}, {5: 3.0, 6: 5.0}
    )


@pytest.mark.parametrize(
    "first, second",
    [
        ({0: 1.0}, {1: 2.0, 2: 3.0}),
        ({0: 1.0, 3: 1.0}, {1: 2.0, 2: 2.0}),
        ({}, {1: 2.0}),
        ({0: 1.0, 1: 1.0}, {2: 1.0, 3: 1.0}),
    ],
)
def test_a_noise_floor_without_variance_claims_nothing(first, second):
    floor = noise_floor(first, second)
    assert math.isnan(floor.low) and math.isnan(floor.high) and math.isnan(floor.p) and not floor.different


def test_variance_on_one_side_is_enough():
    assert 0 < noise_floor({0: 1.0, 1: 1.0, 2: 1.0}, {5: 3.0, 6: 5.0, 7: 4.0}).p < ALPHA


def test_a_seed_on_both_sides_is_refused():
    with pytest.raises(ValueError, match=r"seeds \[1\] are in both"):
        noise_floor(by_seed(1.0, 2.0), {1: 2.0, 2: 3.0})


def test_who_lacks_a_seed_comes_after_those_that_have_it():
    order = ranking(dict(whole={0: 2.0, 1: 2.2}, half={0: 2.05}))
    assert order == ["whole", "half"]  # 0.05 higher on the seed they share, though lower on average


def test_only_those_that_can_be_told_apart_are_counted():
    losses = dict(
        a={0: 1.0, 1: 1.1, 2: 1.2},
        b={0: 2.0, 1: 2.11, 2: 2.19},
        same={0: 1.0, 1: 1.1, 2: 1.2},
        gone=dict.fromkeys(range(3), math.nan),
    )
    words = "a and same may be the best; b is significantly worse (95% simultaneous intervals)"
    assert answer(judge(losses)) == f"{words}; nothing is claimed of gone"
    assert sentence(losses, "a") == "a and same are identical in all 3 seeds"


def test_what_a_pair_can_detect_is_found_four_times_of_five():
    differences = [0.01, 0.03, -0.01, 0.02, 0.015]
    found = pair(
        dict(a=dict.fromkeys(range(5), 1.0), b={seed: 1 + d for seed, d in enumerate(differences)}), "a", "b"
    )
    assert power(found.detectable / np.std(differences, ddof=1), 5, ALPHA) == pytest.approx(0.8)


def test_an_effect_that_cannot_be_detected_is_infinite():
    """Two seeds and Holm's first step over 946 pairs: no difference is large enough."""
    assert smallest_effect(2, ALPHA / 946) == math.inf
    losses = {f"s{i}": by_seed(2 + i / 100, 2.1 + i * i / 1e4) for i in range(44)}
    verdicts = judge(losses)
    assert len(verdicts.pairs) == 946
    assert {p.detectable for p in verdicts.pairs.values() if p.difference.sd > 0} == {math.inf}


odd_losses = st.sampled_from([2.0, 2.0, 2.1, 2.2, 2.5, None, math.nan, math.inf, -math.inf, 1e30, 1e-30, 0.0])


@settings(max_examples=12, derandomize=True)
@given(st.integers(1, 3), st.integers(2, 60), st.data())
def test_few_seeds_of_many_schedules_always_have_an_answer(seeds, schedules, data):
    """Ties, seeds that are missing, NaN and infinities: every statistic is a number or NaN, and has words."""
    rows = data.draw(st.lists(st.lists(odd_losses, min_size=seeds, max_size=seeds), min_size=2, max_size=8))
    losses = {f"s{i}": by_seed(*rows[i % len(rows)]) for i in range(schedules)}
    verdicts = judge(losses)
    assert len(verdicts.standings) == schedules
    assert len(verdicts.pairs) == schedules * (schedules - 1) // 2
    for line in verdicts.standings:
        assert line.verdict is None or isinstance(line.verdict, Verdict)
        assert standing_sentence(line, verdicts) and answer(verdicts)
    for p in list(verdicts.pairs.values())[:200]:
        assert pair_sentence(p, losses) and p.detectable != 0


@settings(max_examples=12, derandomize=True)
@given(st.dictionaries(st.integers(0, 2), odd_losses), st.dictionaries(st.integers(3, 5), odd_losses))
def test_the_control_always_has_an_answer(first, second):
    floor = noise_floor(first, second)
    assert control_sentence("wsd", (list(first), list(second)), floor)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=3, max_size=12))
def test_rank_correlation_is_spearmans(pairs):
    a, b = np.array(pairs).T
    if np.ptp(a) and np.ptp(b):
        assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    assert math.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))
