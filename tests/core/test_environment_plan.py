"""What becomes of an environment in an image: every item has a line, nothing is replaced in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.core.environments.plan import PlanProblem, plan_environment

SEEDS = sorted((Path(__file__).resolve().parents[3] / "shared" / "seeds").glob("*.txt"))


def seed_conda_files() -> list[tuple[str, str]]:
    """Return the conda files that stand in the seed documents' code blocks."""
    block = re.compile(
        r"^```\w+\n(?:%%writefile[^\n]*\n)?(name: [^`]*?^dependencies:[^`]*?)^```", re.DOTALL | re.MULTILINE
    )
    texts = [(path.stem, path.read_text(encoding="utf-8")) for path in SEEDS]
    return [(name, found) for name, text in texts for found in block.findall(text)]


def of_yaml(text: str) -> EnvironmentSpec:
    return EnvironmentSpec.from_conda_yaml(text)


def plan_of(text: str) -> tuple[PlanProblem, ...]:
    return plan_environment(of_yaml(text)).problems


def test_every_item_has_a_line() -> None:
    spec = of_yaml(
        "dependencies:\n- python=3.11\n- pytorch=2.1\n- numpy=1.26\n- openssl\n- inference-schema\n"
        "- pip:\n  - azureml-defaults\n  - joblib==1.4.0\n"
    )
    plan = plan_environment(spec)
    assert {(item.wanted, item.becomes, item.how) for item in plan.items} == {
        ("pytorch=2.1", "torch==2.1.*", "renamed"),
        ("numpy=1.26", "numpy==1.26.*", "same"),
        ("openssl", None, "not needed"),
        ("inference-schema", None, "provided"),
        ("azureml-defaults", None, "provided"),
        ("joblib==1.4.0", "joblib==1.4.0", "pip"),
    }
    assert (plan.kind, plan.python, plan.problems) == ("pip", "3.11", ())


def test_a_pin_counts_before_what_an_extra_stands_for() -> None:
    spec = of_yaml("dependencies:\n- numpy=1.26.4\n- pip:\n  - inference-schema[numpy-support,pandas-support]\n")
    assert plan_environment(spec).pip == ("numpy==1.26.4", "pandas")


def test_unknown_conda_packages_are_not_guessed() -> None:
    plan = plan_environment(of_yaml("dependencies:\n- python=3.12\n- somethingrare=1\n- numpy\n"))
    assert (plan.kind, plan.conda) == ("conda", ("somethingrare=1", "numpy"))
    assert "somethingrare=1" in plan.notes[0]


@pytest.mark.parametrize(
    ("python", "word"),
    [("2.7", "January 2020"), ("3.6.2", "December 2021"), ("3.8", "October 2024"), ("3.10", "October 2026")],
)
def test_pythons_past_their_end_are_named(python: str, word: str) -> None:
    plan = plan_environment(EnvironmentSpec(python=python))
    (problem,) = plan.problems
    assert word in problem.message
    assert problem.change == "python=3.11"
    assert plan.suggestion is not None
    assert plan_environment(plan.suggestion).problems == ()


@pytest.mark.parametrize(
    ("requirement", "too_old"),
    [
        ("scikit-learn==0.20.1", True),
        ("scikit-learn<1", True),
        ("scikit-learn==1.*", False),
        ("scikit-learn==1.1.3", False),
        ("scikit-learn==1.1.2", True),
        ("scikit-learn>=0.20", False),
        ("numpy==1.23.*", False),
        ("numpy<2", False),
        ("tensorflow==1.15", True),
        ("unheard-of==0.1", False),
    ],
)
def test_versions_without_files_for_a_supported_python(requirement: str, too_old: bool) -> None:
    plan = plan_environment(EnvironmentSpec(python="3.11", pip=(requirement,)))
    assert bool(plan.problems) is too_old
    if too_old:
        assert requirement in plan.problems[0].message
        assert plan.items[0].how == "cannot be had"
        assert plan.suggestion is not None
        assert plan_environment(plan.suggestion).problems == ()


def test_a_pickled_model_has_to_be_saved_again() -> None:
    plan = plan_environment(EnvironmentSpec(python="3.6", pip=("scikit-learn==0.20",)))
    assert "has to be saved again" in " ".join(item.change for item in plan.problems)


@pytest.mark.skipif(not SEEDS, reason="the seed documents are not here")
def test_the_seeds_conda_files_give_a_plan() -> None:
    files = seed_conda_files()
    assert len(files) >= 2, "the seeds have conda files"
    for name, text in files:
        plan = plan_environment(of_yaml(text))
        wanted = set(of_yaml(text).conda) | set(of_yaml(text).pip)
        assert wanted == {item.wanted for item in plan.items}, name
        assert "Python 3.6.2 had its end of life in December 2021" in plan.problems[0].message
        assert plan.suggestion is not None
        assert plan_environment(plan.suggestion).problems == (), name
    assert any("scikit-learn=0.20.0 cannot be had" in item.message for _, text in files for item in plan_of(text))


def test_json_round_trip() -> None:
    plan = plan_environment(EnvironmentSpec(python="3.6", pip=("six",)))
    document = plan.to_dict()
    assert document["problems"][0]["field"] == "python"
    assert EnvironmentSpec.from_dict(document["suggestion"]) == plan.suggestion


def test_a_version_that_only_conda_names_holds() -> None:
    plan = plan_environment(
        EnvironmentSpec("mixed", conda=("pandas=2.2.0", "scipy=1.13"), pip=("pandas", "scipy==1.14.0"))
    )
    assert plan.pip == ("pandas==2.2.0", "scipy==1.14.0")
    becomes = {item.wanted: (item.becomes, item.how) for item in plan.items}
    assert becomes["pandas=2.2.0"] == ("pandas==2.2.0", "same")
    assert becomes["scipy=1.13"] == (None, "not needed")
