"""``mldeploy lint``: entry scripts, notebooks and configuration files are read, never run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import InvalidInputError, MldeployError
from . import exit_codes
from .context import Context

if TYPE_CHECKING:
    from ..core.lint import FileReport, LintConfig

#: Copied from ``core.lint.report.FORMATS``, so that help needs no linter; a test compares the two.
FORMATS = ("text", "json", "sarif", "github")


def lint_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lint``."""
    parser.description = (
        (
            "Check entry scripts, the %%deploy and %%writefile cells of notebooks, environment files and deployment"
            " configurations. Nothing is run, and without --fix nothing is changed. Settings are read from"
            " [tool.mldeploy.lint] in pyproject.toml. Exit codes: 0 no error and no warning, 1 errors or warnings, 2 it"
            " could not be done."
        )
        .replace("%deploy", "%%deploy")
        .replace("%writefile", "%%writefile")
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="files and folders (default: here)")
    parser.add_argument("--fix", action="store_true", help="apply the fixes that change nothing but the fault")
    parser.add_argument(
        "--unsafe-fixes", action="store_true", help="with --fix, also apply those that change what the script does"
    )
    parser.add_argument("--output", choices=FORMATS, help="how findings are written (text, or json with --json)")
    parser.add_argument("--select", metavar="CODES", action="append", help="report only these, for example MLD4,MLD601")
    parser.add_argument("--ignore", metavar="CODES", action="append", help="report all but these")
    parser.add_argument("--exit-zero", action="store_true", help="exit with 0 whatever is found")


def run_lint(context: Context, args: argparse.Namespace) -> int | None:
    """Check, and fix, files and folders."""
    from ..core.lint import fix_file
    from ..core.lint.report import render

    try:
        if args.unsafe_fixes and not args.fix:
            raise InvalidInputError("--unsafe-fixes goes with --fix.", field="--unsafe-fixes")
        reports = _lint(args)
        if args.fix:
            fixable = [report for report in reports if any(item.fixes for item in report.diagnostics)]
            for report in fixable:
                fix_file(report.path, _config(args, report.path), unsafe=args.unsafe_fixes)
            reports = _lint(args) if fixable else reports
    except MldeployError as error:
        context.output.error(error)
        return exit_codes.USAGE
    except OSError as error:
        context.output.error(MldeployError(f"{error.filename} cannot be fixed: {error.strerror}."))
        return exit_codes.USAGE
    context.output.out.write(render(reports, args.output or ("json" if context.output.json else "text")))
    found = any(item.severity in {"error", "warning"} for report in reports for item in report.diagnostics)
    return exit_codes.FAILED if found and not args.exit_zero else exit_codes.OK


def _lint(args: argparse.Namespace) -> Sequence[FileReport]:
    """Lint every path under its own settings, each file once."""
    from ..core.lint import lint_paths

    found = {report.path: report for path in args.paths for report in lint_paths([path], _config(args, path))}
    return [found[path] for path in sorted(found)]


def _config(args: argparse.Namespace, path: str) -> LintConfig:
    from ..core.lint import LintConfig

    config = LintConfig.from_pyproject(path)
    if args.select:
        config = replace(config, select=_codes(args.select, "--select"))
    if args.ignore:
        config = replace(config, ignore=(*config.ignore, *_codes(args.ignore, "--ignore")))
    return config


def _codes(given: Sequence[str], flag: str) -> tuple[str, ...]:
    """Return codes and beginnings of codes; one that no rule has is refused, because it would check nothing."""
    from ..core.lint import RULES

    codes = tuple(code.strip().upper() for text in given for code in text.split(",") if code.strip())
    for code in codes:
        if code != "ALL" and not any(rule.code.startswith(code) for rule in RULES):
            raise InvalidInputError(
                f"{flag} {code}: there is no rule whose code begins so.",
                field=flag,
                hint="Codes are like MLD601 or MLD6.",
            )
    return codes
