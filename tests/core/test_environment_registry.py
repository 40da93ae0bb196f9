"""Registered environments: versions that count up, content that never changes."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from jupyter_mldeploy.core.environment import EnvironmentRegistry, EnvironmentSpec
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import InvalidInputError, InvalidNameError, NotFoundError


@pytest.fixture
def registry(tmp_path: Path) -> EnvironmentRegistry:
    return EnvironmentRegistry(Store(tmp_path / "home"))


def test_versions_count_up_and_equal_content_keeps_its_version(registry: EnvironmentRegistry) -> None:
    first = registry.register(EnvironmentSpec("ridge", pip=("numpy",)))
    second = registry.register(EnvironmentSpec("ridge", pip=("numpy", "scipy")))
    again = registry.register(EnvironmentSpec("ridge", "17", pip=("NumPy",)))
    assert [first.version, second.version, again.version] == ["1", "2", "1"]
    assert registry.get("ridge") == second
    assert registry.get("ridge", "1") == first
    assert registry.get("ridge", 1) == first
    assert registry.register(EnvironmentSpec("other", pip=("numpy",))).version == "1"
    assert [(item.name, item.version) for item in registry.list()] == [("other", "1"), ("ridge", "2"), ("ridge", "1")]
    assert registry.list("ridge")[1].digest == first.digest


def test_a_deleted_version_is_never_given_out_again(registry: EnvironmentRegistry) -> None:
    registry.register(EnvironmentSpec("e", pip=("a",)))
    registry.register(EnvironmentSpec("e", pip=("b",)))
    assert registry.delete("e", "2") == 1
    assert registry.get("e").version == "1"
    assert registry.register(EnvironmentSpec("e", pip=("b",))).version == "3"
    assert registry.delete("e") == 2
    assert registry.list() == []
    with pytest.raises(NotFoundError):
        registry.delete("e")


def test_what_is_not_there_lists_what_is(registry: EnvironmentRegistry) -> None:
    with pytest.raises(NotFoundError, match="No environment is registered"):
        registry.get("ridge")
    registry.register(EnvironmentSpec("ridge"))
    with pytest.raises(NotFoundError, match="Did you mean 'ridge'"):
        registry.get("rigde")
    with pytest.raises(NotFoundError, match="Versions of ridge are: 1"):
        registry.get("ridge", "4")
    with pytest.raises(InvalidInputError, match="'latest' is not a version"):
        registry.get("ridge", "latest")
    with pytest.raises(InvalidNameError):
        registry.register(EnvironmentSpec("bad name"))


def test_differences_between_versions(registry: EnvironmentRegistry) -> None:
    registry.register(EnvironmentSpec("e", pip=("a==1",)))
    registry.register(EnvironmentSpec("e", pip=("a==2",)))
    expected = [{"field": "pip", "name": "a", "old": "a==1", "new": "a==2"}]
    assert registry.diff("e:1", "e") == expected
    assert registry.diff("e:2", EnvironmentSpec(pip=("a==2",))) == []


def _register(home: str, number: int) -> str | None:
    return EnvironmentRegistry(Store(home)).register(EnvironmentSpec("e", pip=(f"p{number}",))).version


def test_processes_that_register_at_once_get_different_versions(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    Store(home)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        versions = pool.starmap(_register, [(home, number) for number in range(12)])
    assert sorted(versions, key=lambda version: int(version or 0)) == [str(number) for number in range(1, 13)]
