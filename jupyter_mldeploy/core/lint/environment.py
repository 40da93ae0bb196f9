"""MLD801–MLD807: environment files that do not install, or not what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding
from jupyter_mldeploy.core.lint.diagnostics import Fix, TextEdit
from jupyter_mldeploy.core.lint.document_context import DocumentContext
from jupyter_mldeploy.core.lint.packages import Package, conda_packages, requirements
from jupyter_mldeploy.core.lint.rule import rule

_SERVERS = {"azureml-defaults", "azureml-inference-server-http", "azureml-sdk", "jupyter-mldeploy"}
_IMPORT_NAMES = {
    "sklearn": "scikit-learn", "pil": "pillow", "cv2": "opencv-python-headless", "skimage": "scikit-image",
    "yaml": "pyyaml",
    "dateutil": "python-dateutil",
}  # fmt: skip


def packages_of(ctx: DocumentContext) -> list[Package]:
    """Return the packages of an environment or requirements file."""
    return list(requirements(ctx.source)) if ctx.language == "text" else list(conda_packages(ctx.map))


@rule("MLD801", "no-environment", "error", stage="read", family="environment")
def no_environment(ctx: DocumentContext) -> Iterator[Finding]:
    """An environment file has no list of dependencies.

    A file that is not YAML at all is reported with the same code and YAML's own message.

    Bad::

        name: scoring
        channels:
          - conda-forge

    Good::

        name: scoring
        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - scikit-learn=1.4.2
    """
    if ctx.language == "text":
        return
    dependencies = ctx.map.get("dependencies")
    if ctx.root is None or dependencies is None:
        yield ctx.finding(
            ctx.map.span, "The environment file has no dependencies; list at least Python under that key."
        )
    elif dependencies.kind != "list":
        yield ctx.finding(
            dependencies, "dependencies must be a list: one line for each package, beginning with a dash."
        )


@rule("MLD802", "pip-missing", "warning", stage="deploy", family="environment")
def pip_missing(ctx: DocumentContext) -> Iterator[Finding]:
    """A `pip:` section without `pip` among the conda packages.

    conda then warns and adds a pip of its own choice.

    Bad::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - pip:
              - scikit-learn==1.4.2

    Good::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - pip=24.0
          - pip:
              - scikit-learn==1.4.2
    """
    dependencies = ctx.map.get("dependencies")
    if dependencies is None or any(p.name == "pip" and p.manager == "conda" for p in packages_of(ctx)):
        return
    for item in dependencies.items:
        if item.kind == "map" and item.get("pip") is not None:
            line = ctx.source.line(item.span.line)
            dash = line.find("-")
            edit = TextEdit(item.span.line, 0, item.span.line, 0, f"{line[: max(dash, 0)]}- pip{ctx.source.newline}")
            fix = Fix("Add pip", (edit,), safe=True) if dash >= 0 and ctx.language == "yaml" else None
            yield ctx.finding(
                item.key_span("pip"), "The pip section needs pip itself among the packages; add - pip above it.", fix
            )


@rule("MLD803", "server-missing", "warning", stage="deploy", family="environment", runtime="exec: gunicorn: not found")
def server_missing(ctx: DocumentContext) -> Iterator[Finding]:
    """The environment beside an online script lacks the server that Azure expects in it.

    Azure's images start `azureml-inference-server-http`, which `azureml-defaults` brings. This project adds its own
    server to every image, so here it is an information; with `server = "azureml"` in the settings it is a warning.

    Bad::

        --- environment.yml
        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - scikit-learn=1.4.2
        --- score.py
        import json
        from azureml.core.model import Model

        def init():
            global path
            path = Model.get_model_path("m")

        def run(raw_data):
            return json.loads(raw_data)

    Good::

        --- environment.yml
        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - scikit-learn=1.4.2
          - pip=24.0
          - pip:
              - azureml-defaults==1.57.0
        --- score.py
        import json
        from azureml.core.model import Model

        def init():
            global path
            path = Model.get_model_path("m")

        def run(raw_data):
            return json.loads(raw_data)
    """
    if not any(script.kind in {"json", "schema", "rawhttp", "class"} for script, _ in ctx.scripts):
        return
    packages = packages_of(ctx)
    if packages and not _SERVERS & {package.name for package in packages}:
        where = ctx.map.key_span("dependencies") if ctx.language != "text" else packages[0].span
        message = "Azure's server is not in this environment; add azureml-inference-server-http under pip" + (
            "." if ctx.is_azure else " if the script is to run there too (this project adds its own server)."
        )
        yield ctx.finding(where, message, severity=None if ctx.is_azure else "info")


@rule(
    "MLD804", "schema-package-missing", "warning", stage="import", family="environment",
    runtime="ModuleNotFoundError: No module named 'inference_schema'",
)  # fmt: skip
def schema_package_missing(ctx: DocumentContext) -> Iterator[Finding]:
    """The script beside uses `inference_schema`, which the environment does not install.

    `azureml-defaults` and `azureml-inference-server-http` bring it. This project provides its names by itself, so here
    it is an information; with `server = "azureml"` in the settings it is a warning.

    Bad::

        --- environment.yml
        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - numpy=1.26.4
        --- score.py
        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        def run(data):
            return data.tolist()

    Good::

        --- environment.yml
        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - numpy=1.26.4
          - pip=24.0
          - pip:
              - inference-schema[numpy-support]==1.8
        --- score.py
        import numpy as np
        from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
        from inference_schema.schema_decorators import input_schema

        def init():
            pass

        @input_schema("data", NumpyParameterType(np.array([[1.0]])))
        def run(data):
            return data.tolist()
    """
    if not any("inference_schema" in script.imports for script, _ in ctx.scripts):
        return
    packages = packages_of(ctx)
    if packages and not (_SERVERS | {"inference-schema"}) & {package.name for package in packages}:
        where = ctx.map.key_span("dependencies") if ctx.language != "text" else packages[0].span
        message = (
            "The script imports inference_schema, which this environment does not install; add inference-schema"
            + (
                "."
                if ctx.is_azure
                else " if it is to run on Azure's server too (this project provides the names itself)."
            )
        )
        yield ctx.finding(where, message, severity=None if ctx.is_azure else "info")


@rule(
    "MLD805", "import-name-as-package", "error", stage="deploy", family="environment", runtime="ResolvePackageNotFound"
)
def import_name_as_package(ctx: DocumentContext) -> Iterator[Finding]:
    """A package is listed by the name it is imported by, which is not the name it is installed by.

    Bad::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - sklearn

    Good::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - scikit-learn=1.4.2
    """
    for package in packages_of(ctx):
        right = _IMPORT_NAMES.get(package.name)
        if right is None:
            continue
        text = ctx.source.slice(package.span)
        fix = Fix(f"Write {right}", (ctx.replace(package.span, text.replace(package.written, right, 1)),))
        yield ctx.finding(package.span, f"{package.written} is an import name; the package is called {right}.", fix)


@rule(
    "MLD806",
    "single-equals-in-pip",
    "error",
    stage="deploy",
    family="environment",
    runtime="ERROR: Invalid requirement: 'numpy=1.26'",
)
def single_equals_in_pip(ctx: DocumentContext) -> Iterator[Finding]:
    """A pip requirement is pinned with one `=`, which is conda's way; pip wants `==`.

    Bad::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - pip=24.0
          - pip:
              - numpy=1.26.4

    Good::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - pip=24.0
          - pip:
              - numpy==1.26.4
    """
    for package in packages_of(ctx):
        if package.manager == "pip" and re.match(r"=[^=]", package.rest):
            text = ctx.source.slice(package.span)
            fix = Fix("Write ==", (ctx.replace(package.span, text.replace("=", "==", 1)),), safe=True)
            yield ctx.finding(
                package.span, f"pip refuses a single = in {package.written}{package.rest}; write ==.", fix
            )


@rule("MLD807", "package-listed-twice", "warning", stage="deploy", family="environment")
def package_listed_twice(ctx: DocumentContext) -> Iterator[Finding]:
    """A package is listed twice, or both for conda and for pip.

    pip then overwrites files that conda believes it owns; which version wins depends on the order.

    Bad::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - numpy=1.26.4
          - pip=24.0
          - pip:
              - numpy==1.26.4

    Good::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - numpy=1.26.4
    """
    seen: dict[str, Package] = {}
    for package in packages_of(ctx):
        first = seen.setdefault(package.name, package)
        if first is package:
            continue
        where = "twice" if first.manager == package.manager else "for conda and for pip"
        yield ctx.finding(
            package.span, f"{package.written} is listed {where} (first in line {first.span.line}); keep one."
        )
