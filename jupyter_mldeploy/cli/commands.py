"""The commands of ``mldeploy`` as one table; a command's module is imported when the command is used.

The table alone makes ``mldeploy --help``, so that it needs neither the core nor argparse's parsers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from .context import Context

    Run = Callable[[Context, argparse.Namespace], int | None]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        path: its words, for example ``("model", "register")``.
        module: where it is, inside this package; it has ``<function>_arguments(parser)`` and ``run_<function>``.
        summary: one line for lists.
        function: the name in the module; the last word of the path by default.
    """

    path: tuple[str, ...]
    module: str
    summary: str
    function: str = ""

    @property
    def name(self) -> str:
        """The words as they are typed."""
        return " ".join(self.path)

    def load(self) -> tuple[Callable[[argparse.ArgumentParser], None], Run]:
        """Import the module and return what adds the arguments and what runs the command."""
        module = import_module(f".{self.module}", __package__)
        function = self.function or self.path[-1]
        return getattr(module, f"{function}_arguments"), getattr(module, f"run_{function}")


#: Families in the order of ``--help``: title → commands.
FAMILIES: dict[str, tuple[Command, ...]] = {
    "Deploy": (
        Command(("deploy",), "deploy", "create a service, or bring it to a new revision"),
        Command(("plan",), "deploy", "show what deploy would do; nothing is created"),
        Command(("update",), "changes", "change some parts of a service and keep the rest"),
        Command(("rollback",), "changes", "serve an earlier revision again"),
        Command(("promote",), "changes", "deploy a service's very bytes on another target"),
    ),
    "Look": (
        Command(("list",), "services", "list the services"),
        Command(("status",), "services", "show one service"),
        Command(("logs",), "services", "show a service's log, also after it was deleted"),
        Command(("revisions",), "services", "list a service's revisions"),
        Command(("diff",), "services", "compare two revisions: code, models, environment"),
        Command(("events",), "services", "show what happened"),
    ),
    "Call": (
        Command(("score",), "calls", "send a request and print the answer"),
        Command(("record",), "replay", "record a sample of the requests, or save what was recorded"),
        Command(("replay",), "replay", "send recorded requests again and show which answers changed"),
        Command(("keys",), "calls", "show or change a service's keys"),
        Command(("token",), "calls", "issue a token that opens a service for some time"),
    ),
    "Traffic": (
        Command(("traffic", "show"), "traffic", "show an endpoint's versions and what they were asked"),
        Command(("traffic", "create"), "traffic", "deploy one more version beside what is served"),
        Command(("traffic", "set"), "traffic", "divide the requests among the versions"),
        Command(("traffic", "canary"), "traffic", "raise a version's share while it is no worse; promote or roll back"),
        Command(("traffic", "update"), "traffic", "change one version"),
        Command(("traffic", "delete"), "traffic", "take a version out"),
        Command(("traffic", "finish"), "traffic", "serve one version alone"),
    ),
    "Run": (
        Command(("stop",), "changes", "stop serving; keys, logs and revisions stay"),
        Command(("start",), "changes", "serve again after a stop, a crash or a restart of the host"),
        Command(("delete",), "changes", "remove a service; its logs and history stay readable"),
    ),
    "Check": (Command(("lint",), "lint", "check entry scripts, notebooks and configuration files"),),
    "Models": (
        Command(("model", "register"), "model", "store a file or folder as the next version of a model"),
        Command(("model", "list"), "model", "list models"),
        Command(("model", "show"), "model", "show one model and its files"),
        Command(("model", "update"), "model", "change a model's tags, properties or description"),
        Command(("model", "download"), "model", "copy a model's files into a folder"),
        Command(("model", "delete"), "model", "remove a model that nothing uses"),
        Command(("model", "deploy"), "v1deploy", "deploy with inferenceconfig.json and deploymentconfig.json"),
        Command(("model", "profile"), "profile", "find out how much CPU and memory a service needs"),
        Command(("model", "package"), "package", "make an image that serves models, or the files to build one"),
    ),
    "Environments": (
        Command(("environment", "create"), "environment", "store an environment from a file or from requirements"),
        Command(("environment", "list"), "environment", "list environments"),
        Command(("environment", "show"), "environment", "show one environment"),
        Command(("environment", "plan"), "environment_plan", "show what becomes of an environment in an image"),
        Command(("environment", "build"), "environment", "build the virtual environment of a service, or the image"),
        Command(("environment", "delete"), "environment", "remove an environment's version"),
    ),
    "Images": (
        Command(("image", "build"), "image", "build the image of a service or a bundle"),
        Command(("image", "list"), "image", "list images"),
        Command(("image", "show"), "image", "show one image and who uses it"),
        Command(("image", "logs"), "image", "show an image's build log"),
        Command(("image", "update"), "image", "change an image's tags or properties"),
        Command(("image", "deploy"), "changes", "deploy an image's very bytes", "deploy_image"),
        Command(("image", "push"), "image", "push an image to a registry"),
        Command(("image", "pull"), "image", "make an image be on the engine"),
        Command(("image", "save"), "image", "write an image's Dockerfile and all that it copies"),
        Command(("image", "delete"), "image", "remove an image that nothing uses"),
        Command(("image", "builders"), "image", "list who can build images"),
    ),
    "Bundles": (
        Command(("bundle", "list"), "bundle", "list the content-addressed bundles"),
        Command(("bundle", "show"), "bundle", "show what a bundle holds"),
        Command(("bundle", "export"), "bundle", "write a bundle into a tar file"),
        Command(("bundle", "import"), "bundle", "read a bundle from a tar file", "import_bundle"),
        Command(("bundle", "verify"), "bundle", "compare a bundle's bytes with its digest"),
    ),
    "Targets": (
        Command(("target", "list"), "target", "list the places where services can run"),
        Command(("adopt",), "adopt", "take over services that run and that this workspace does not know"),
        Command(("target", "describe"), "target", "show what a target can do and how it is configured"),
    ),
    "Compute": (
        Command(("compute", "attach"), "compute", "keep a cluster that exists under a name"),
        Command(("compute", "create"), "compute", "create a cluster and keep it under a name"),
        Command(("compute", "list"), "compute", "list the compute targets"),
        Command(("compute", "show"), "compute", "show how a cluster is now"),
        Command(("compute", "credentials"), "compute", "print a kubeconfig for a cluster"),
        Command(("compute", "detach"), "compute", "forget a cluster; it goes on running"),
        Command(("compute", "delete"), "compute", "delete a cluster that was created here"),
    ),
    "More": (
        Command(("gc",), "housekeeping", "remove bundles, files and environments that nothing uses"),
        Command(("version",), "housekeeping", "show the versions and the workspace"),
        Command(("completion",), "completion", "print a completion script for bash or zsh"),
    ),
}

COMMANDS: tuple[Command, ...] = tuple(command for family in FAMILIES.values() for command in family)
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(command.path[0] for command in COMMANDS if len(command.path) == 2))


def find(path: tuple[str, ...]) -> Command | None:
    """Return the command with these words."""
    return next((command for command in COMMANDS if command.path == path), None)


def first_words() -> list[str]:
    """Return every word that can stand first."""
    return list(dict.fromkeys(command.path[0] for command in COMMANDS))
