"""How a built image reaches the cluster: through a registry, or straight into the nodes of a cluster nearby."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.secrets import resolve_secrets
from ...core.target import Job, Progress
from ...errors import DeploymentError, InvalidConfigurationError, NotFoundError, TargetUnavailableError
from .config import KubernetesConfig
from .secrets import registry_login

if TYPE_CHECKING:
    from ...core.images.built import BuiltImage


@dataclass(frozen=True, slots=True)
class Supplied:
    """An image that the cluster's nodes can run.

    Attributes:
        reference: what a pod names.
        pull_policy: ``IfNotPresent``, or ``Never`` for an image that is nowhere but on the nodes.
    """

    reference: str
    digest: str
    pull_policy: str = "IfNotPresent"


@dataclass(frozen=True, slots=True)
class Way:
    """How images get there: ``registry``, ``load`` (with ``command``), ``given`` (nothing to do), ``shared``."""

    kind: str
    summary: str
    command: Sequence[str] = ()


def way_of(config: KubernetesConfig, context: str) -> Way:
    """Return how the image gets there.

    Args:
        context: name of the kubeconfig's context, which tells clusters on this machine by their usual names.

    Raises:
        InvalidConfigurationError: nothing says how; names the settings that would.
    """
    if config.image is not None:
        return Way("given", f"pulled by the cluster: {config.image}")
    if config.registry is not None:
        return Way("registry", f"pushed to {config.registry}")
    command = tuple(config.load_command or _known(context))
    if command:
        if shutil.which(command[0]) is None:
            raise InvalidConfigurationError(
                f"There is no command {command[0]!r} to load images into the cluster with.",
                problems=[{"field": "load_command", "message": "install it, or name another one, or a registry"}],
            )
        return Way("load", f"loaded with {' '.join(command[:3])}", command)
    if context in {"docker-desktop", "rancher-desktop", "orbstack", "colima"}:
        return Way("shared", "found by the cluster in this machine's image store")
    raise InvalidConfigurationError(
        "Nothing says how the image gets to the cluster.",
        problems=[{"field": "registry", "message": "name a registry that the cluster pulls from, or load_command"}],
        hint="registry='registry.example.com/team', or load_command=['kind', 'load', 'docker-image', '{image}'].",
    )


def supply(job: Job, config: KubernetesConfig, context: str, progress: Progress) -> Supplied:
    """Build the job's image, bring it to the cluster, and return what its pods name.

    Raises:
        EnvironmentBuildError: it cannot be built.
        DeploymentError: it could not be loaded into the nodes.
        TargetUnavailableError: the registry or the builder does not answer.
    """
    way = way_of(config, context)
    if config.image is not None:
        _, _, digest = config.image.partition("@")
        return Supplied(config.image, digest)
    progress.step("image", "building the image")
    built = job.build_image(progress)
    if way.kind == "registry":
        try:
            return _push(job, config, built, progress)
        except NotFoundError:  # somebody tidied the engine up in between
            return _push(job, config, job.build_image(progress), progress)
    if way.kind == "load":
        progress.step("load", f"taking the image to the cluster's nodes with {way.command[0]}")
        command = [part.replace("{image}", built.reference) for part in way.command]
        try:
            _load(command, progress)
        except DeploymentError:
            built = job.build_image(progress)
            if not built.fresh:
                raise
            _load(command, progress)  # it was gone
    return Supplied(built.reference, built.digest, "IfNotPresent")


def pushed_reference(config: KubernetesConfig, reference: str) -> str:
    """Return where an image goes in the configured registry.

    >>> pushed_reference(KubernetesConfig(registry="r.example.com/team/"), "mldeploy/iris:abc")
    'r.example.com/team/iris:abc'
    """
    return f"{(config.registry or '').rstrip('/')}/{reference.removeprefix('mldeploy/')}"


def credentials(config: KubernetesConfig) -> dict[str, str] | None:
    """Return the registry's login, None where the user's own Docker configuration counts."""
    if config.registry_username is None or config.registry_password is None:
        return None
    password = resolve_secrets({"registry_password": config.registry_password})["registry_password"]
    return {"username": config.registry_username, "password": password}


def pull_login(config: KubernetesConfig) -> str:
    """Return the content of the Secret that the cluster pulls with, "" where none is needed."""
    login = credentials(config)
    host = config.registry or (config.image or "")
    return registry_login(host, login["username"], login["password"]) if login and host else ""


def _push(job: Job, config: KubernetesConfig, built: BuiltImage, progress: Progress) -> Supplied:
    from ...core.images.builder import Builders

    destination = pushed_reference(config, built.reference)
    login = credentials(config)
    if login is None:
        pushed = job.push_image(built, destination, progress)
    else:
        progress.step("push", f"pushing {destination}")
        builder = Builders().usable(built.builder or None)
        pushed = builder.push(built.reference, destination, login, progress, lambda _line: progress.check())
    return Supplied(pushed.location, pushed.digest)


def _load(command: Sequence[str], progress: Progress) -> None:
    """Run the command that loads an image, within the deployment's deadline and until it is cancelled."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            raise TargetUnavailableError(f"{command[0]} cannot be run: {error.strerror}.") from error
        try:
            while True:
                try:
                    code = process.wait(0.2)
                    break
                except subprocess.TimeoutExpired:
                    progress.check()
        except BaseException:
            process.kill()
            process.wait()
            raise
        output.seek(0, os.SEEK_SET)
        lines = output.read().decode("utf-8", "replace").splitlines()
    if code != 0:
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")
        raise DeploymentError(
            f"The image could not be loaded into the cluster: {command[0]} ended with {code}: {last}.",
            hint="Correct load_command, or use a registry.",
            log_tail=lines[-40:],
            steps=progress.steps(),
        )


def _known(context: str) -> Sequence[str]:
    """Return the command for clusters on this machine that are known by the context's name."""
    if context.startswith("kind-"):
        return ("kind", "load", "docker-image", "{image}", "--name", context.removeprefix("kind-"))
    if context.startswith("k3d-"):
        return ("k3d", "image", "import", "{image}", "--cluster", context.removeprefix("k3d-"))
    if context == "minikube":
        return ("minikube", "image", "load", "{image}")
    return ()
