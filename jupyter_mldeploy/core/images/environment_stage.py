"""The first stages of an image: base image, packages, scoring runtime."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..._version import __version__
from ..environments.runtime_requirements import PROVIDED, RUNTIME_REQUIREMENTS
from .base_images import Base, choose_base
from .context import ContextFile, Stage
from .dockerfile_steps import place_copies
from .runtime_files import FOLDER as RUNTIME
from .runtime_files import runtime_files

if TYPE_CHECKING:
    from ..environment import EnvironmentSpec

#: Where things lie in an image. The application root is v1's.
APP_ROOT = "/var/azureml-app"
TOOL_ROOT = "/opt/mldeploy"
#: The user that a service runs as; it owns nothing, so that a broken script cannot change itself.
USER_ID = 10001
PORT = 5001
_SECRET = re.compile(r"\$\{(\w+)\}")


def environment_stages(
    spec: EnvironmentSpec, source: Mapping[str, ContextFile]
) -> tuple[tuple[Stage, ...], Base, tuple[str, ...]]:
    """Return the stages, what they stand on, and the names of the secrets that their build needs.

    What is more than an image to start from (Java, conda's packages, a user's own steps) is a stage of its own, so
    that it is kept when a package further up cannot be installed.

    Args:
        source: the files that go with the entry script by path, for ``COPY`` in the environment's own steps.

    Raises:
        InvalidInputError: the environment asks for something that no image can have; says what to change.
        EnvironmentBuildError: its plan has problems.
    """
    base = choose_base(spec)
    steps, copied = place_copies(base.dockerfile_steps, source)
    # Our own lines copy what we put there ourselves.
    before, copied_before = place_copies(base.dockerfile, source) if base.foreign else (list(base.dockerfile), [])
    secrets = tuple(sorted({name for item in (*spec.pip_options, *base.pip) for name in _SECRET.findall(item)}))
    own_stage = bool(secrets or steps or base.foreign or len(before) > 1)
    if own_stage:
        before = _named(before)
    lines = [_header(base), *before, ""]
    if base.foreign:
        lines += _foreign_check(base)
    if steps:
        lines += ["# Your own steps.", *steps, ""]
    files, runs = _packages(spec, base)
    if not own_stage:
        rest = "\n".join([*lines, *_install(base, runs, secrets), *_runtime(spec, base)])
        return (Stage("environment", rest, (*files, *runtime_files())),), base, secrets
    below = {item.path: item for item in (*copied, *copied_before)}
    if base.conda_file:
        below["conda/conda.yml"] = ContextFile.of_bytes("conda/conda.yml", base.conda_file.encode())
    first = Stage("base", "\n".join(lines), tuple(below.values()))
    rest = "\n".join([*_install(base, runs, secrets), *_runtime(spec, base)])
    return (first, Stage("environment", rest, (*files, *runtime_files()), first)), base, secrets


def _named(lines: Sequence[str]) -> list[str]:
    """Return a Dockerfile whose last stage is called ``base``."""
    found = list(lines)
    last = max(number for number, line in enumerate(found) if re.match(r"(?i)\s*FROM\s", line))
    plain = re.sub(r"(?i)\s+AS\s+\S+\s*$", "", found[last].rstrip())
    found[last] = f"{plain} AS base"
    return found


def _runtime(spec: EnvironmentSpec, base: Base) -> list[str]:
    python = base.python_command
    return [
        "# The scoring runtime: it runs init() and run() and stands in for azureml-defaults. Nothing of it is yours",
        "# to list or to update. The service runs as a user that owns nothing.",
        f"COPY {RUNTIME}/ {TOOL_ROOT}/{RUNTIME}/",
        f"RUN {python} -m compileall -q --invalidation-mode unchecked-hash {TOOL_ROOT}/{RUNTIME} \\",
        f" && mkdir -p {APP_ROOT}/azureml-models {APP_ROOT}/app \\",
        " && (grep -q '^mldeploy:' /etc/passwd \\",
        f"     || echo 'mldeploy:x:{USER_ID}:{USER_ID}::/tmp:/usr/sbin/nologin' >> /etc/passwd)",
        _env(
            {
                "AML_APP_ROOT": APP_ROOT,
                "HOME": "/tmp",  # noqa: S108 - the one place that can be written
                "MLDEPLOY_LOG_FORMAT": "json",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
                **base.variables,
                **spec.variables,
            }
        ),
        f"WORKDIR {APP_ROOT}",
        f"EXPOSE {PORT}",
        "STOPSIGNAL SIGTERM",
        "HEALTHCHECK --interval=10s --timeout=5s --start-period=600s --retries=3 \\",
        f'  CMD ["{python}", "-I", "-S", "{TOOL_ROOT}/{RUNTIME}/jupyter_mldeploy/scoring/healthcheck.py"]',
        f"USER {USER_ID}:{USER_ID}",
        f'ENTRYPOINT ["{python}", "{TOOL_ROOT}/{RUNTIME}"]',
        "",
    ]


def _header(base: Base) -> str:
    lines = [
        f"# Made by jupyter_mldeploy {__version__}. `docker build .` in this folder makes the image, and",
        f"# `docker run -p 6789:{PORT} IMAGE` serves it: POST http://localhost:6789/score.",
        "#",
        "# Layers go from what changes least to what changes most: environment, models, code.",
        "",
        "# ---- 1. Environment -------------------------------------------------------------------------------------",
        *(f"# {note}" for note in base.notes),
    ]
    return "\n".join(lines)


def _foreign_check(base: Base) -> list[str]:
    code = "import sys; v = sys.version_info[:2]; "
    text = "the base image has Python %d.%d; "
    if base.python:
        wanted = tuple(int(item) for item in base.python.split(".")[:2])
        code += f"v == {wanted!r} or sys.exit('{text}the environment asks for {base.python}' % v); "
    code += f"v >= (3, 11) or sys.exit('{text}the scoring runtime needs 3.11 or newer' % v)"
    return [
        "# This base image is not ours: find out early whether its Python will do.",
        "USER root",
        f'RUN {base.python_command} -c "{code}"',
        "",
    ]


def _packages(spec: EnvironmentSpec, base: Base) -> tuple[list[ContextFile], list[str]]:
    """Return the files that say what is installed, and the arguments of pip for each of its runs."""
    hashes = bool(spec.hashes)
    lines = [*spec.pip_options, *(_hashed(item, spec) if hashes else item for item in base.pip)]
    files = {"requirements.txt": "".join(f"{line}\n" for line in lines)}
    files["runtime.txt"] = "".join(f"{line}\n" for line in RUNTIME_REQUIREMENTS)
    constraints = [
        f"{name}=={version.partition('+')[0]}"
        for name, version in spec.lock.items()
        if name not in PROVIDED
        and not any(item.startswith(f"{name} @ ") for item in base.pip)
        and _suits_runtime(name, version)
    ]
    limits = ""
    if constraints:
        files["constraints.txt"] = "".join(f"{line}\n" for line in constraints)
        limits = " -c constraints.txt"
    if hashes and base.pip:
        # In pip's hash mode every file needs a digest, and those of the runtime are not the user's to list.
        runs = ["-r requirements.txt", f"-r runtime.txt{limits}"]
    elif lines:
        runs = [f"-r requirements.txt -r runtime.txt{limits}"]
    else:
        del files["requirements.txt"]
        runs = [f"-r runtime.txt{limits}"]
    return [ContextFile.of_bytes(f"environment/{name}", text.encode()) for name, text in files.items()], runs


def _suits_runtime(name: str, version: str) -> bool:
    """Return False for a version, recorded where the script was written, that the scoring runtime cannot do with."""
    from packaging.requirements import Requirement

    needs = {item.name: item.specifier for item in map(Requirement, RUNTIME_REQUIREMENTS)}
    return name not in needs or needs[name].contains(version, prereleases=True)


def _hashed(requirement: str, spec: EnvironmentSpec) -> str:
    name = re.match(r"[a-z0-9][a-z0-9._-]*", requirement)
    digests = spec.hashes.get(name.group(), ()) if name else ()
    return requirement + "".join(f" --hash={digest}" for digest in digests)


def _install(base: Base, runs: Iterable[str], secrets: tuple[str, ...]) -> list[str]:
    python = base.python_command
    pip = " \\\n      ".join(
        [
            "pip install --no-cache-dir --disable-pip-version-check --no-input",
            "--progress-bar off --root-user-action ignore",
            "",
        ]
    )
    folder = f"{TOOL_ROOT}/environment"
    record = f"{python} -m pip freeze --all > installed.txt"
    prefix = "PIP_BREAK_SYSTEM_PACKAGES=1 " if base.foreign else ""
    if not secrets:
        commands = [*(f"{prefix}{python} -m {pip}{arguments}" for arguments in runs), record]
        return [
            f"# Packages{'' if base.pip else ' of the scoring runtime'}; installed.txt in the image says what came.",
            f"COPY environment/ {folder}/",
            f"RUN cd {folder} \\",
            *_joined(commands),
            "",
        ]
    # Another stage, of which only the installed packages are taken: what it was given stays out of the history.
    target = "/opt/packages"
    commands = [
        f"{python} -m venv --copies --system-site-packages {target}",
        *(f"{target}/bin/python -m {pip}{arguments}" for arguments in runs),
        record.replace(python, f"{target}/bin/python", 1),
    ]
    return [
        "# Packages from an index that asks for credentials (docker build --build-arg NAME=…). They stay in this",
        "# stage, of which the image takes the installed packages alone.",
        "FROM base AS packages",
        *(f"ARG {name}" for name in secrets),
        f"COPY environment/ {folder}/",
        f"RUN cd {folder} \\",
        *_joined(commands),
        "",
        "FROM base",
        f"COPY --from=packages {target} {target}",
        f"COPY --from=packages {folder} {folder}",
        f"ENV PATH={target}/bin:$PATH",
        "",
    ]


def _joined(commands: Iterable[str]) -> list[str]:
    lines = [f" && {command}" for command in commands]
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _env(variables: Mapping[str, str]) -> str:
    lines = [f"{name}={quoted(value)}" for name, value in variables.items()]
    return "ENV " + " \\\n    ".join(lines)


def quoted(value: str) -> str:
    """Return a value as ENV and LABEL take it, literally: no variable is filled in."""
    if re.fullmatch(r"[\w./:@%+,-]+", value):
        return value
    return json.dumps(value, ensure_ascii=False).replace("$", "\\$")
