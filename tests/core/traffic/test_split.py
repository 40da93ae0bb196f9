"""Shares, limits and names, without a service."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.core.traffic.members import member_name
from jupyter_mldeploy.core.traffic.split import Split, check_version_name
from jupyter_mldeploy.errors import InvalidInputError

SERVICES = {"blue": "svc-blue", "green": "svc-green", "red": "svc-red"}


def test_the_default_gets_what_is_not_assigned() -> None:
    split = Split.of(SERVICES, {"green": 10, "red": 5.5}, default="blue")
    assert split.weights == {"blue": 84.5, "green": 10, "red": 5.5}
    assert Split.from_dict(split.to_dict()) == split


def test_the_default_may_have_a_share_of_its_own_and_the_rest_too() -> None:
    assert Split.of(SERVICES, {"blue": 20, "green": 30}, default="blue").weights == {"blue": 70, "green": 30, "red": 0}


@pytest.mark.parametrize(
    ("weights", "mirror", "default", "field", "says"),
    [
        ({"pink": 10}, {}, "blue", "traffic", "no version 'pink'"),
        ({"green": 101}, {}, "blue", "traffic", "no percentage"),
        ({"green": -1}, {}, "blue", "traffic", "no percentage"),
        ({"green": 60, "red": 41}, {}, "blue", "traffic", "add up to 101"),
        ({}, {"green": 51}, "blue", "mirror", "At most 50 %"),
        ({}, {"green": 5, "red": 5}, "blue", "mirror", "Only one version"),
        ({}, {}, "pink", "default", "to be the default"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    weights: dict[str, float], mirror: dict[str, float], default: str, field: str, says: str
) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        Split.of(SERVICES, weights, default=default, mirror=mirror)
    assert caught.value.details["field"] == field


def test_seven_versions_are_too_many() -> None:
    with pytest.raises(InvalidInputError, match="at most 6"):
        Split.of({f"v{number}": f"svc-v{number}" for number in range(7)}, {}, default="v0")


@pytest.mark.parametrize("name", ["", "Green", "-green", "green-", "grün", "a" * 21, "a_b"])
def test_names_of_versions(name: str) -> None:
    with pytest.raises(InvalidInputError):
        check_version_name(name)


def test_names_that_are_too_long_together() -> None:
    with pytest.raises(InvalidInputError, match="32 are the most"):
        member_name("a-rather-long-endpoint-name", "candidate")
