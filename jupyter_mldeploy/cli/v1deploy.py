"""``mldeploy model deploy``: v1's command, with its two files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, NotFoundError
from .context import Context
from .deploy import deploy
from .parser import option_type
from .shown import failing

if TYPE_CHECKING:
    from ..core.azure_files.v1files import DeploymentFile
    from ..core.azure_files.v1inference import InferenceFile
    from ..core.deployrequest import Prepared
    from ..core.target import Target


def deploy_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``model deploy``; names as v1's command had them."""
    parser.description = (
        "Deploy as `az ml model deploy` did. Each key of the two files is taken over or named as having no effect; an"
        " unknown key is an error."
    )
    parser.add_argument("-n", "--name", metavar="NAME", required=True, help="the service")
    parser.add_argument(
        "-m", "--model", metavar="NAME:VERSION", action="append", default=[], dest="models",
        help="a registered model, or a path (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--ic", "--inference-config-file", metavar="FILE", required=True, dest="inference", help="inferenceconfig.json"
    )
    parser.add_argument(
        "--dc", "--deploy-config-file", metavar="FILE", required=True, dest="deployment", help="deploymentconfig.json"
    )
    parser.add_argument(
        "--ct",
        "--compute-target",
        metavar="TARGET",
        dest="compute",
        help="the target, or the cluster on it, in place of computeType",
    )
    parser.add_argument("-e", "--environment-name", metavar="NAME", dest="environment", help="a registered environment")
    parser.add_argument("--ev", "--environment-version", metavar="N", dest="environment_version", help="its version")
    parser.add_argument("--overwrite", action="store_true", help="bring a service that exists to a new revision")
    parser.add_argument("--tag", metavar="KEY=VALUE", action="append", type=option_type("tags"), default=[],
                        help="a label for the service (repeatable)")  # fmt: skip
    parser.add_argument("--property", metavar="KEY=VALUE", action="append", type=option_type("tags"), default=[],
                        help="a fact about the service that never changes (repeatable)")  # fmt: skip
    parser.add_argument("--description", metavar="TEXT", help="what the service is for")
    parser.add_argument(
        "--isolated", action="store_true", help="run in a virtual environment built for the environment"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=option_type("timeout"),
        help="give up when it is not healthy after this time",
    )
    parser.add_argument("--force", action="store_true", help="deploy although checks that can be overruled say no")


def run_deploy(context: Context, args: argparse.Namespace) -> int | None:
    """Deploy with v1's files."""
    from ..core.azure_files.v1files import read_deployment_file
    from ..core.azure_files.v1inference import read_inference_file

    inference = read_inference_file(args.inference)
    deployment = read_deployment_file(args.deployment, needs_compute_type=True)
    target, extra = _target(context, deployment, args.compute)
    config, notes = deployment.config_for(target)
    prepared = _prepare(args, inference, deployment, target, {**config, **extra})
    for note in [*notes, *inference.notes_for(target, isolated=args.isolated)]:
        context.output.note(note)
    if not args.overwrite:
        context.workspace.catalogue.require_free(args.name, hint="--overwrite brings it to a new revision.")
    source = prepared.request.source
    with failing(context, args.name, {source.script: source.text}):
        deploy(context, prepared)
    return None


def _prepare(
    args: argparse.Namespace,
    inference: InferenceFile,
    deployment: DeploymentFile,
    target: Target,
    config: dict[str, Any],
) -> Prepared:
    from ..core.deployer import DEFAULT_TIMEOUT_S
    from ..core.deployrequest import Prepared
    from ..core.request import Request

    if args.environment_version is not None and args.environment is None:
        raise InvalidInputError("--ev is the version of an environment, and none was named with -e.", field="--ev")
    if args.environment is not None and inference.environment is not None:
        raise InvalidInputError(
            f"-e {args.environment} contradicts {inference.path.name}, which has an environment of its own.",
            field="-e",
            hint="Keep one of the two.",
        )
    environment: Any = inference.environment
    if args.environment is not None:
        version = f":{args.environment_version}" if args.environment_version else ""
        environment = f"{args.environment}{version}"
    if args.isolated:
        target.capabilities.require(target.name, "isolated_environment")
        config["isolated"] = True
    for key, value in (("tags", dict(args.tag)), ("properties", dict(args.property))):
        if value:
            config[key] = {**config.get(key, {}), **value}
    description = args.description or config.get("description") or inference.values.get("description")
    if description:
        config["description"] = description
    request = Request(
        args.name, inference.source(), models=tuple(args.models), environment=environment, target=target.name,
        config=config, force=args.force,
    )  # fmt: skip
    return Prepared(request, (), DEFAULT_TIMEOUT_S if args.timeout is None else args.timeout, deployment.keys)


def _target(context: Context, deployment: DeploymentFile, compute: str | None) -> tuple[Target, dict[str, Any]]:
    """Return the target, and the settings that ``--ct`` adds: a target by name, or a cluster on the one of the file."""
    targets = context.workspace.targets
    wanted = str(deployment.target)
    installed = targets.names()
    nearest = "local" if "local" in installed else next(iter(installed), "")  # needs no cluster and no account
    if compute is not None and compute in installed:
        return targets.get(compute), {}
    if wanted not in installed:
        raise NotFoundError(
            "target",
            wanted,
            message=f"{deployment.path.name} asks for computeType {deployment.compute_type!r}, but there is no target"
            f" {wanted!r} here; installed are: {', '.join(installed) or 'none'}.",
            hint=f"--ct {nearest} deploys it on {nearest} instead." if installed else None,
        )
    target = targets.get(wanted)
    if compute is None:
        return target, {}
    if "compute_target_name" not in target.config_type.model_fields:
        raise NotFoundError(
            "target",
            compute,
            message=f"--ct {compute!r} is no target, and target {wanted!r} has no clusters to choose from;"
            f" installed are: {', '.join(installed)}.",
        )
    return target, {"compute_target_name": compute}
