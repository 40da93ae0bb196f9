"""Which rules speak: ``[tool.mldeploy.lint]`` of pyproject.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Literal

from jupyter_mldeploy.core.lint.diagnostics import SEVERITIES, Severity
from jupyter_mldeploy.errors import InvalidConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_KEYS = {"select", "ignore", "per-file-ignores", "exclude", "server", "severity", "entry-scripts"}


@dataclass(frozen=True, slots=True)
class LintConfig:
    """The linter's settings.

    Attributes:
        select: codes or prefixes of codes that are reported (``"MLD"`` is all, ``"MLD4"`` the responses).
        ignore: codes or prefixes that are not, also when selected. A longer prefix wins over a shorter one.
        per_file_ignores: glob of a path or file name → codes or prefixes ignored there.
        exclude: globs of paths that :func:`lint_paths` leaves out, besides its defaults.
        server: where the script is going to run. ``"mldeploy"`` (ours) accepts ``async`` and generator ``run()`` and
            decodes dates; ``"azureml"`` reports these as errors, as Azure's own server fails on them.
        severity: code → severity used instead of the rule's own.
        entry_scripts: globs of files that are entry scripts whatever they look like.
    """

    select: tuple[str, ...] = ("MLD",)
    ignore: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    server: Literal["mldeploy", "azureml"] = "mldeploy"
    severity: Mapping[str, Severity] = field(default_factory=dict)
    entry_scripts: tuple[str, ...] = ()

    def enables(self, code: str, path: str | None = None) -> bool:
        """Whether findings of ``code`` are reported for a file."""
        if _longest(code, self.ignore) >= max(_longest(code, self.select), 1):
            return False
        if not _longest(code, self.select):
            return False
        return path is None or not any(
            matches(path, pattern) and _longest(code, codes) for pattern, codes in self.per_file_ignores.items()
        )

    @classmethod
    def from_pyproject(cls, path: str | Path) -> LintConfig:
        """Read ``[tool.mldeploy.lint]``.

        Args:
            path: a pyproject.toml, or a file or folder from which the next one upwards is looked for. Without one, or
                without the table, the defaults are returned.

        Raises:
            InvalidConfigurationError: the file is not TOML or the table holds something else than settings.
        """
        import tomllib
        from pathlib import Path  # imported here, because the settings' defaults need no files

        found = _find(Path(path))
        if found is None:
            return cls()
        try:
            document = tomllib.loads(found.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InvalidConfigurationError(
                f"The linter's settings cannot be read from {found}: {error}.", hint="Correct the file or remove it."
            ) from error
        tool = document.get("tool", {})
        table = tool.get("mldeploy", {}).get("lint", {}) if isinstance(tool, dict) else {}
        return cls._from_table(table, found)

    @classmethod
    def _from_table(cls, table: Mapping[str, Any], path: Path) -> LintConfig:
        problems: list[dict[str, str]] = []

        def codes(key: str, value: Any) -> tuple[str, ...]:
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return tuple(value)
            problems.append({"field": f"tool.mldeploy.lint.{key}", "message": "must be a list of strings"})
            return ()

        accepted = ", ".join(sorted(_KEYS))
        problems.extend(
            {"field": f"tool.mldeploy.lint.{key}", "message": f"is not a setting; there are {accepted}"}
            for key in sorted(set(table) - _KEYS)
        )
        server = table.get("server", "mldeploy")
        if server not in {"mldeploy", "azureml"}:
            problems.append({"field": "tool.mldeploy.lint.server", "message": 'must be "mldeploy" or "azureml"'})
        severity = table.get("severity", {})
        if not isinstance(severity, dict) or any(value not in SEVERITIES for value in severity.values()):
            problems.append(
                {"field": "tool.mldeploy.lint.severity", "message": f"must map codes to {', '.join(SEVERITIES)}"}
            )
            severity = {}
        ignores = table.get("per-file-ignores", {})
        if not isinstance(ignores, dict):
            problems.append(
                {"field": "tool.mldeploy.lint.per-file-ignores", "message": "must map globs to lists of codes"}
            )
            ignores = {}
        config = cls(
            select=codes("select", table.get("select", ["MLD"])),
            ignore=codes("ignore", table.get("ignore", [])),
            per_file_ignores={glob: codes(f"per-file-ignores.{glob}", value) for glob, value in ignores.items()},
            exclude=codes("exclude", table.get("exclude", [])),
            server=server,
            severity=severity,
            entry_scripts=codes("entry-scripts", table.get("entry-scripts", [])),
        )
        if problems:
            first = problems[0]
            raise InvalidConfigurationError(f"In {path}, {first['field']} {first['message']}.", problems=problems)
        return config


def matches(path: str, pattern: str) -> bool:
    """Whether a path or its file name matches a glob; ``*`` also crosses folders."""
    plain = path.replace("\\", "/")
    return fnmatch(plain, pattern) or fnmatch(plain.rpartition("/")[2], pattern) or fnmatch(plain, f"*/{pattern}")


def _longest(code: str, prefixes: tuple[str, ...]) -> int:
    return max(
        (len(prefix) for prefix in prefixes if (prefix and code.startswith(prefix.upper())) or prefix == "ALL"),
        default=0,
    )


def _find(path: Path) -> Path | None:
    if path.suffix == ".toml":
        return path if path.is_file() else None
    start = path.absolute()
    for folder in [start, *start.parents]:
        candidate = folder / "pyproject.toml"
        if candidate.is_file():
            return candidate
    return None
