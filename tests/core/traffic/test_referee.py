"""The referee: what it convicts, what it acquits, and when it says that there is too little."""

from __future__ import annotations

import random
from bisect import bisect_left

import pytest

from jupyter_mldeploy.core.traffic.figures import VersionFigures, total_figures
from jupyter_mldeploy.core.traffic.referee import Policy, Ruling, judge, worse_by_chance

BOUNDS = tuple(0.0005 * 1.2**step for step in range(67))


def figures(requests: int, errors: int = 0, seconds: float = 0.01) -> VersionFigures:
    """Return what a router counts of so many answers that all took as long."""
    place = bisect_left(BOUNDS, seconds)
    buckets = tuple(requests if number == place else 0 for number in range(len(BOUNDS) + 1))
    return VersionFigures(requests, errors, bounds=BOUNDS, buckets=buckets)


def test_equally_good_is_good() -> None:
    assert judge(figures(500), figures(200), Policy()).ruling is Ruling.GOOD


def test_too_few_requests_say_nothing() -> None:
    verdict = judge(figures(500), figures(40, 1), Policy())
    assert verdict.ruling is Ruling.INSUFFICIENT
    assert "candidate had 40 requests of 100" in verdict.reason


def test_a_candidate_that_always_fails_is_stopped_before_there_are_enough_requests() -> None:
    assert judge(figures(200), figures(8, 8), Policy(), looks=30).ruling is Ruling.BAD


def test_errors_that_both_have_are_nobodys_fault() -> None:
    assert judge(figures(1000, 50), figures(1000, 55), Policy()).ruling is Ruling.GOOD


def test_five_percent_of_errors_are_found() -> None:
    verdict = judge(figures(2000), figures(400, 20), Policy(), looks=30)
    assert verdict.ruling is Ruling.BAD
    assert "20 of 400 requests failed (5.0%)" in verdict.reason
    assert verdict.evidence["p_value"] < verdict.evidence["limit"]


def test_slower_answers_are_found_and_a_few_milliseconds_are_not() -> None:
    assert judge(figures(300, seconds=0.05), figures(300, seconds=0.2), Policy()).ruling is Ruling.BAD
    assert judge(figures(300, seconds=0.001), figures(300, seconds=0.004), Policy()).ruling is Ruling.GOOD


def test_answers_that_were_kept_waiting_by_chance_convict_nobody() -> None:
    """One answer in twenty waits for a processor, whoever gives it: the p95 of both lies anywhere."""
    chance = random.Random(11)

    def some(requests: int) -> VersionFigures:
        waited = sum(chance.random() < 0.05 for _ in range(requests))
        return figures(requests - waited, seconds=0.004).plus(figures(waited, seconds=0.06))

    pairs = [(some(300), some(300)) for _ in range(200)]
    far = [(a, b) for a, b in pairs if (b.percentile(0.95) or 0) > 3 * (a.percentile(0.95) or 0)]
    assert len(far) > 20, "in many pairs the percentiles alone say that it is slower"
    assert [judge(a, b, Policy(), looks=10).ruling for a, b in pairs] == [Ruling.GOOD] * 200


def test_one_slow_answer_in_five_is_found() -> None:
    control = figures(290, seconds=0.004).plus(figures(10, seconds=0.06))
    candidate = figures(240, seconds=0.004).plus(figures(60, seconds=0.06))
    verdict = judge(control, candidate, Policy(), looks=30)
    assert verdict.ruling is Ruling.BAD
    assert "by chance that happens once in" in verdict.reason
    assert verdict.evidence["latency_p_value"] < verdict.evidence["limit"]


def test_a_good_candidate_is_rarely_convicted_however_often_it_is_looked_at() -> None:
    chance = random.Random(7)
    convicted = 0
    for _ in range(200):
        before = after = failed_before = failed_after = 0
        for _ in range(10):
            before, after = before + 100, after + 50
            failed_before += sum(chance.random() < 0.03 for _ in range(100))
            failed_after += sum(chance.random() < 0.03 for _ in range(50))
            if (
                judge(figures(before, failed_before), figures(after, failed_after), Policy(), looks=10).ruling
                is Ruling.BAD
            ):
                convicted += 1
                break
    assert convicted <= 6  # 1 % are allowed; 6 of 200 happen by chance once in a thousand such tests


def test_fisher_agrees_with_the_textbook() -> None:
    assert worse_by_chance(10, 1, 10, 6) == pytest.approx(0.0286, abs=5e-4)
    assert worse_by_chance(10, 0, 0, 0) == 1.0
    assert worse_by_chance(10_000, 0, 10_000, 10_000) == pytest.approx(0.0, abs=1e-300)


def test_percentiles_are_within_a_bucket() -> None:
    found = figures(100, seconds=0.02)
    assert found.percentile(0.5) == pytest.approx(0.02, rel=0.2)
    assert VersionFigures().percentile(0.95) is None


def test_of_a_router_that_answers_twice_the_last_answer_counts() -> None:
    def answer(instance: str, requests: int) -> dict[str, object]:
        counts = {
            "requests": requests,
            "errors": 0,
            "mirrored": 0,
            "mirror_errors": 0,
            "dropped": 0,
            "buckets": [requests],
        }
        return {"instance": instance, "bounds": [], "versions": {"blue": counts}}

    assert total_figures([answer("a", 5), answer("b", 7), answer("a", 6)])["blue"].requests == 13
