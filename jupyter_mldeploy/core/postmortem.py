"""From evidence to a ranked cause and a way out, in one sentence each.

The rules are data: a pattern over the evidence, what it means, what to do. Targets gather the evidence (the stage, the
exception, exit codes, the last log lines) and hand the verdict to the user in DeploymentError.

    >>> explain(Evidence(stage="init", exception="ModuleNotFoundError: No module named 'xgboost'")).cause
    "the module 'xgboost' is not installed in the environment"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the user's traceback; ``file`` is a notebook cell's display name where there was a cell."""

    file: str
    line: int
    function: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a target found out about an instance that failed.

    Attributes:
        stage: ``start``, ``import``, ``contract``, ``init``, ``selftest``, ``run`` or ``running``.
        exception: ``Type: message`` as Python prints it, or None.
        traceback: the user's frames, outermost first.
        exit_code: of the process; negative is the number of the signal that ended it.
        out_of_memory: the target knows that a memory limit was hit.
        log_tail: last lines of the instance.
        model_tree: files below the model directory.
    """

    stage: str
    exception: str | None = None
    traceback: Sequence[Frame] = ()
    exit_code: int | None = None
    out_of_memory: bool = False
    log_tail: Sequence[str] = ()
    model_tree: Sequence[str] = ()
    memory_limit_gb: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The most likely cause.

    Attributes:
        code: stable name of the rule.
        cause: what went wrong, one clause.
        fix: what to do, one sentence.
        where: ``file:line`` of the user's code, or None.
    """

    code: str
    cause: str
    fix: str
    where: str | None = None
    stage: str = ""
    exception: str | None = None
    traceback: Sequence[Frame] = field(default_factory=tuple)
    model_tree: Sequence[str] = field(default_factory=tuple)

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """Cause and place in one sentence."""
        place = f" ({self.where})" if self.where else ""
        return f"{self.cause[0].upper()}{self.cause[1:]}{place}."


@dataclass(frozen=True, slots=True)
class Rule:
    """One known way to fail: ``pattern`` is searched in the exception, then in the log's last lines."""

    code: str
    pattern: str
    cause: str
    fix: str
    when: Callable[[Evidence], bool] = lambda _: True
    in_log: bool = False


#: Import name → distribution name, where they differ and people stumble.
DISTRIBUTIONS: Mapping[str, str] = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "yaml": "PyYAML",
    "skimage": "scikit-image",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
}

RULES: tuple[Rule, ...] = (
    Rule(
        "sklearn-externals",
        r"cannot import name 'joblib' from 'sklearn\.externals'|No module named 'sklearn\.externals",
        "scikit-learn removed sklearn.externals in 0.23",
        "Write `import joblib` instead; `mldeploy lint --fix` does it.",
    ),
    Rule(
        "missing-name",
        r"ImportError: cannot import name '(?P<name>[^']+)' from '(?P<module>[^']+)'",
        "{module!r} has no {name!r} in the installed version",
        "Pin the version of the distribution that the script was written for.",
    ),
    Rule(
        "model-not-found",
        r"(?:FileNotFoundError|NotADirectoryError|IsADirectoryError): \[Errno \d+\] [^:]+: '(?P<path>[^']*)'",
        "the file {path!r} is not there",
        "AZUREML_MODEL_DIR holds {files}; join it with one of these paths.",
    ),
    Rule(
        "model-dir-unset",
        r"KeyError: 'AZUREML_MODEL_DIR'|expected str, bytes or os\.PathLike object, not NoneType",
        "a path was built from an environment variable that is not set",
        "AZUREML_MODEL_DIR is set in every service; check the variable's spelling in the script.",
    ),
    Rule(
        "main-pickle",
        r"Can't get attribute '(?P<name>[^']+)' on <module '__main__'",
        "the model file refers to {name!r}, which was defined in the notebook",
        "Move {name!r} into the entry script or a module beside it before saving the model.",
    ),
    Rule(
        "not-a-pickle",
        r"UnpicklingError: invalid load key, '(?P<name>[^']*)'",
        "the model file is no plain pickle: it holds '{name}' where one begins",
        "joblib.load reads what joblib.dump wrote; fetch the file anew if it is a Git LFS pointer or a web page.",
    ),
    Rule(
        "pickle-version",
        r"(?:AttributeError: Can't get attribute|ModuleNotFoundError: No module named 'sklearn\.\w+|"
        r"ValueError: .*incompatible dtype|InconsistentVersionWarning)",
        "the model file was written by other library versions than those installed",
        "Install the versions that the model was trained with, or train and save it again.",
    ),
    Rule(
        "missing-module",
        r"ModuleNotFoundError: No module named '(?P<module>[^'.]+)",
        "the module {module!r} is not installed in the environment",
        "Add {distribution} to the environment (--pip {distribution}) or install it in this interpreter.",
    ),
    Rule(
        "out-of-memory",
        r"MemoryError",
        "it ran out of memory",
        "Raise the memory limit, use a smaller model, or fewer workers.",
    ),
    Rule(
        "name-error",
        r"NameError: name '(?P<name>[^']+)' is not defined",
        "the entry script uses {name!r}, which nothing in it defines",
        "Define it in the cell, hand the object over with --object {name}, or capture other cells with --cells.",
    ),
    Rule(
        "init-missing",
        r"does not have an? (?P<name>init|run)\(\) function",
        "the entry script has no {name}()",
        "Define {name}() at the top level of the script.",
    ),
    Rule(
        "no-such-attribute",
        r"AttributeError: 'NoneType' object has no attribute '(?P<name>[^']+)'",
        "something that init() should have set is None",
        "Declare it `global` in init() so that run() sees the loaded model.",
    ),
    Rule(
        "address-in-use",
        r"(?:Address already in use|\[Errno (?:98|48)\])",
        "the port is taken",
        "Choose another port, or leave the port out to get a free one.",
        in_log=True,
    ),
    Rule("disk-full", r"No space left on device", "the disk is full", "Free some space and deploy again.", in_log=True),
)

#: Signal number → what it usually means for a scoring worker.
SIGNALS: Mapping[int, tuple[str, str]] = {
    9: ("it was killed (SIGKILL), most often because memory ran out", "Raise the memory limit or use a smaller model."),
    11: ("native code crashed (segmentation fault)", "Look for mismatched binary packages; pin their versions."),
    6: ("native code aborted", "The last log lines name the library."),
    4: ("native code used an instruction that this processor lacks", "Install builds for this processor."),
    7: ("native code crashed (bus error), often because shared memory ran out", "Enlarge /dev/shm or use less of it."),
}


def explain(evidence: Evidence) -> Verdict:
    """Return the most likely cause with its way out; there is always one."""
    where = _where(evidence.traceback)
    common: dict[str, Any] = {
        "where": where,
        "stage": evidence.stage,
        "exception": evidence.exception,
        "traceback": tuple(evidence.traceback),
        "model_tree": tuple(evidence.model_tree),
    }
    if evidence.out_of_memory:
        limit = f" of {evidence.memory_limit_gb:g} GB" if evidence.memory_limit_gb else ""
        return Verdict("out-of-memory", f"it hit its memory limit{limit}", "Raise the memory limit.", **common)
    for rule in RULES:
        texts = [evidence.exception or "", *(evidence.log_tail if rule.in_log or not evidence.exception else ())]
        for text in texts:
            match = re.search(rule.pattern, text)
            if match and rule.when(evidence):
                facts = {key: value or "" for key, value in match.groupdict().items()}
                facts["files"] = _files(evidence.model_tree)
                facts["distribution"] = DISTRIBUTIONS.get(facts.get("module", ""), facts.get("module", ""))
                return Verdict(rule.code, rule.cause.format(**facts), rule.fix.format(**facts), **common)
    if evidence.exception:
        part = {
            "import": "importing the entry script",
            "init": "calling init()",
            "selftest": "the self-test's run()",
        }.get(evidence.stage, evidence.stage)
        return Verdict(
            "exception", f"{part} raised {evidence.exception}", "Correct the entry script and deploy again.", **common
        )
    if evidence.exit_code is not None:
        number = -evidence.exit_code if evidence.exit_code < 0 else evidence.exit_code - 128
        if number in SIGNALS:
            cause, fix = SIGNALS[number]
            return Verdict(f"signal-{number}", cause, fix, **common)
        if evidence.exit_code == 0:
            fix = "Remove sys.exit() and os._exit() from the script."
            return Verdict("exited", "the worker ended by itself with exit code 0", fix, **common)
        return Verdict(
            "exit-code",
            f"the worker ended with exit code {evidence.exit_code}",
            "The last log lines say why.",
            **common,
        )
    return Verdict("unknown", "it did not become healthy", "The last log lines are the best lead.", **common)


def _files(tree: Sequence[str]) -> str:
    """Name the files of a model directory's listing: a line for the folder, then one a file with its size."""
    names = [line.split()[0] for line in tree[1:] if line.strip()]
    if not names:
        return "no file at all"
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _where(frames: Sequence[Frame]) -> str | None:
    for frame in reversed(frames):
        if "site-packages" not in frame.file and "/lib/python" not in frame.file:
            return f"{frame.file} line {frame.line}"
    return None
