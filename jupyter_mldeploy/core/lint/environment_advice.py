"""MLD808–MLD812: environment files that will not give the same environment tomorrow, or not the script's."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from jupyter_mldeploy.core.lint.context import Finding
from jupyter_mldeploy.core.lint.document_context import DocumentContext
from jupyter_mldeploy.core.lint.environment import packages_of
from jupyter_mldeploy.core.lint.packages import BRINGS, DISTRIBUTIONS, canonical
from jupyter_mldeploy.core.lint.rule import rule

_LAST_DEAD_PYTHON = (3, 9)  # ended in October 2025


@rule("MLD808", "unpinned-packages", "info", stage="deploy", family="environment")
def unpinned_packages(ctx: DocumentContext) -> Iterator[Finding]:
    """Packages have no version, so the next image may get others than the model was trained with.

    Bad::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - scikit-learn

    Good::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - scikit-learn=1.4.2
    """
    loose = [p for p in packages_of(ctx) if not re.search(r"[=<>~!@]|\s\d", p.rest) and p.name not in {"pip", "python"}]
    if loose:
        names = ", ".join(package.written for package in loose[:6]) + (", …" if len(loose) > 6 else "")
        yield ctx.finding(
            loose[0].span,
            f"Without a version: {names}. The next image may get others; pin what the model was trained with.",
        )


@rule("MLD809", "python-version", "warning", stage="deploy", family="environment")
def python_version(ctx: DocumentContext) -> Iterator[Finding]:
    """The environment names no Python version, or one that gets no security fixes any more.

    Python 3.9 and older have reached their end of life; many packages no longer publish for them.

    Bad::

        channels:
          - conda-forge
        dependencies:
          - python=3.6.2
          - scikit-learn=0.22.1

    Good::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - scikit-learn=1.4.2
    """
    dependencies = ctx.map.get("dependencies")
    if ctx.language == "text" or dependencies is None or dependencies.kind != "list":
        return
    pythons = [package for package in packages_of(ctx) if package.name == "python" and package.manager == "conda"]
    if not pythons:
        yield ctx.finding(
            ctx.map.key_span("dependencies"), "No Python version is named, so conda takes any; add python=3.11, say."
        )
        return
    match = re.match(r"^\s*[=~]{1,2}\s*(\d+)\.(\d+)", pythons[0].rest)
    if match and (int(match[1]), int(match[2])) <= _LAST_DEAD_PYTHON:
        yield ctx.finding(
            pythons[0].span, f"Python {match[1]}.{match[2]} has reached its end of life; use 3.11 or newer."
        )


@rule(
    "MLD810", "import-not-installed", "warning", stage="import", family="environment",
    runtime="ModuleNotFoundError: No module named 'pandas'",
)  # fmt: skip
def import_not_installed(ctx: DocumentContext) -> Iterator[Finding]:
    """The script beside imports a package that the environment does not install.

    Packages that come along with listed ones are known for the usual libraries.

    Bad::

        --- environment.yml
        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - numpy=1.26.4
        --- score.py
        import json
        import xgboost
        from azureml.core.model import Model

        def init():
            global path
            path = Model.get_model_path("m")

        def run(raw_data):
            return [str(xgboost), json.loads(raw_data)]

    Good::

        --- environment.yml
        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - numpy=1.26.4
          - xgboost=2.0.3
        --- score.py
        import json
        import xgboost
        from azureml.core.model import Model

        def init():
            global path
            path = Model.get_model_path("m")

        def run(raw_data):
            return [str(xgboost), json.loads(raw_data)]
    """
    packages = packages_of(ctx)
    installed = {package.name for package in packages}
    if not packages:
        return
    where = ctx.map.key_span("dependencies") if ctx.language != "text" else packages[0].span
    reported: set[str] = set()
    for script, _ in ctx.scripts:
        for module in script.imports:
            if (
                module in reported
                or module in sys.stdlib_module_names
                or module in ctx.modules
                or _is_installed(module, installed)
            ):
                continue
            reported.add(module)
            name = DISTRIBUTIONS.get(module, (module.replace("_", "-"),))[0]
            yield ctx.finding(
                where, f"The script imports {module}, which this environment does not install; add {name}."
            )


def _is_installed(module: str, installed: set[str]) -> bool:
    if module in {
        "azureml",
        "azure",
        "google",
        "inference_schema",
        "mpl_toolkits",
        "pkg_resources",
        "setuptools",
        "pip",
    }:
        return True  # namespaces of many packages, or reported by another rule
    names = DISTRIBUTIONS.get(module, (canonical(module),))
    if any(canonical(name) in installed for name in names):
        return True
    if any(BRINGS.get(name, frozenset()) & installed for name in names):
        return True
    # Related distributions: tensorflow-hub for tensorflow_hub, opencv-… for cv2 and the like.
    return any(package.startswith(f"{canonical(module)}-") for package in installed)


@rule("MLD811", "no-channels", "info", stage="deploy", family="environment")
def no_channels(ctx: DocumentContext) -> Iterator[Finding]:
    """A conda environment names no channels, so each machine uses its own default.

    Bad::

        dependencies:
          - python=3.11
          - scikit-learn=1.4.2

    Good::

        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - scikit-learn=1.4.2
    """
    dependencies = ctx.map.get("dependencies")
    if (
        ctx.language != "text"
        and dependencies is not None
        and dependencies.kind == "list"
        and ctx.map.get("channels") is None
    ):
        span = ctx.map.key_span("dependencies")
        yield ctx.finding(
            span, "No channels are named, so every machine uses its own; add channels with conda-forge, say."
        )


@rule(
    "MLD812", "pin-without-sklearn-externals", "warning", stage="import", family="environment",
    runtime="ImportError: cannot import name 'joblib' from 'sklearn.externals'",
)  # fmt: skip
def pin_without_sklearn_externals(ctx: DocumentContext) -> Iterator[Finding]:
    """The script beside imports `sklearn.externals.joblib`, which the scikit-learn of this environment does not have.

    Import `joblib` in the script; it is gone from scikit-learn since 0.23.

    Bad::

        --- environment.yml
        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - scikit-learn=1.4.2
        --- score.py
        import json
        import os
        from sklearn.externals import joblib

        def init():
            global model
            model = joblib.load(os.environ["AZUREML_MODEL_DIR"])

        def run(raw_data):
            return str(model.predict(json.loads(raw_data)))

    Good::

        --- environment.yml
        channels:
          - conda-forge
        dependencies:
          - python=3.11
          - scikit-learn=1.4.2
        --- score.py
        import json
        import os
        import joblib

        def init():
            global model
            model = joblib.load(os.environ["AZUREML_MODEL_DIR"])

        def run(raw_data):
            return str(model.predict(json.loads(raw_data)))
    """
    if not any(
        re.search(r"^\s*(?:from|import)\s+sklearn\.externals\b.*\bjoblib\b", text, re.MULTILINE)
        for _, text in ctx.scripts
    ):
        return
    for package in packages_of(ctx):
        if package.name not in {"scikit-learn", "sklearn"}:
            continue
        match = re.match(r"(\d+)\.(\d+)", package.version or "")
        if package.version is None or (match and (int(match[1]), int(match[2])) >= (0, 23)):
            what = f"scikit-learn {package.version}" if package.version else "the newest scikit-learn"
            yield ctx.finding(
                package.span,
                f"The script imports sklearn.externals.joblib, which {what} does not have; import joblib there.",
            )
