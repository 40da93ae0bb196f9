"""Name rules of the v1 SDK and what the messages say."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.core import names
from jupyter_mldeploy.errors import InvalidInputError, InvalidNameError


@pytest.mark.parametrize("name", ["a", "Ridge.v1_2-x", "9", "a" * 255])
def test_model_names_that_v1_took(name: str) -> None:
    assert names.check_model_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "a\n", "é", "a:1", "a" * 256])
def test_model_names_that_v1_refused(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        names.check_model_name(name)
    assert "model name" in caught.value.message
    assert caught.value.field == "name"


@pytest.mark.parametrize("name", ["abc", "a-1", "a" * 32, "a--b"])
def test_service_names_that_v1_took(name: str) -> None:
    assert names.check_service_name(name) == name


@pytest.mark.parametrize("name", ["ab", "a" * 33, "Abc", "1abc", "abc-", "-abc", "a_b", "abc\n", "a.b"])
def test_service_names_that_v1_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        names.check_service_name(name)


@pytest.mark.parametrize(
    ("name", "proposal"),
    [("My_Model Svc", "my-model-svc"), ("1st-try", "st-try"), ("x" * 40, "x" * 32), ("Diabetes-", "diabetes")],
)
def test_the_hint_is_a_name_that_would_do(name: str, proposal: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        names.check_service_name(name)
    assert caught.value.details["suggestion"] == proposal
    assert repr(proposal) in str(caught.value)
    assert names.check_service_name(proposal) == proposal


def test_no_hint_when_nothing_can_be_kept() -> None:
    with pytest.raises(InvalidNameError) as caught:
        names.check_service_name("__")
    assert caught.value.hint is None


def test_other_kinds() -> None:
    assert names.check_image_name("1.img") == "1.img"
    assert names.check_namespace("x") == "x"
    assert names.check_namespace("a" * 63)
    assert names.check_workspace_name("My_space")
    assert names.check_endpoint_version_name("blue-1")
    assert names.check_compute_name("aks1") == "aks1"
    for check, bad in (
        (names.check_image_name, "img-"),
        (names.check_namespace, "a" * 64),
        (names.check_namespace, "a_b"),
        (names.check_workspace_name, "ab"),
        (names.check_compute_name, "Local"),
        (names.check_compute_name, ""),
    ):
        with pytest.raises(InvalidNameError):
            check(bad)


@pytest.mark.parametrize("path", ["score.py", "sub dir/score.py", "_s.py"])
def test_entry_scripts_that_can_be_imported(path: str) -> None:
    assert names.check_entry_script_name(path) == path


@pytest.mark.parametrize(
    ("path", "word"),
    [("score.txt", ".py"), ("my-score.py", "my_score"), ("class.py", "score_class"), ("", "Python file")],
)
def test_entry_scripts_that_cannot(path: str, word: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        names.check_entry_script_name(path)
    assert word in str(caught.value)
    assert caught.value.field == "entry_script"


def test_model_ids() -> None:
    assert names.split_model_id("a.b-c:12") == ("a.b-c", 12)
    assert names.is_model_id("a:1")
    for text in ("a", "a:", ":1", "a:1x", "a b:1", "a:1\n", "/x:1"):
        assert not names.is_model_id(text)
        with pytest.raises(InvalidNameError):
            names.split_model_id(text)


def test_unregistered_names_are_cut_to_30_and_fit_the_rule() -> None:
    assert names.unregistered_name("sklearn_regression_model_of_diabetes.pkl") == "sklearn_regression_model_of_di"
    assert names.unregistered_name("my model.pkl") == "my-model.pkl"
    assert names.check_model_name(names.unregistered_name("_über.pkl"))
    with pytest.raises(InvalidInputError):
        names.unregistered_name("___")


def test_did_you_mean() -> None:
    assert names.did_you_mean("rigde", ["ridge", "lasso"]) == "Did you mean 'ridge'?"
    assert names.did_you_mean("RIDGE", ["ridge"]) == "Did you mean 'ridge'?"
    assert names.did_you_mean("zzz", ["ridge"]) is None
