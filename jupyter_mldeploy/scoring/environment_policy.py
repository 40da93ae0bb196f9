"""Which variables of the starting process a service sees: the policy as data, and the thread variables.

A service is started from a notebook kernel, a Jupyter server, a terminal or a job. It must not see what belongs to
those (tokens, connection files, cloud logins), and it must find what programs need to run (paths, locale, libraries,
GPUs). Rules are shell patterns, applied in this order: **kept** beats **removed**; a variable that no rule names is
kept unless its name looks like a secret (:data:`SECRET_WORDS`).

What the user sets for the service itself (``environment_variables``, ``secrets``) never goes through this filter.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping

#: Kept, whatever other rules say.
KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_*",
    "LD_LIBRARY_PATH", "DYLD_*", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CUDA_*", "NVIDIA_*", "ROCR_*",
    "OMP_*", "MKL_*", "OPENBLAS_*", "NUMEXPR_*", "VECLIB_*", "BLIS_*", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "XDG_CACHE_HOME", "HF_HOME", "PYTHONPATH",
)  # fmt: skip

#: Removed: Jupyter's own, the kernel's, the cloud's, and what would change how our interpreters start.
REMOVED = (
    "JPY_*", "JUPYTER_*", "JUPYTERHUB_*", "BINDER_*", "IPYTHON*", "KERNEL_*", "MPLBACKEND", "PYDEVD_*", "DEBUGPY_*",
    "VSCODE_*", "PAPERMILL_*", "AZURE_*", "AZUREML_*", "AML_*", "MSI_*", "IDENTITY_*", "ARM_*", "AWS_*", "GOOGLE_*",
    "GCP_*", "GCLOUD_*", "CLOUDSDK_*", "KUBECONFIG", "KUBERNETES_*", "DOCKER_*", "GITHUB_*", "GH_*", "GITLAB_*", "CI_*",
    "SSH_*", "GPG_*", "DBUS_*", "XAUTHORITY", "DISPLAY", "WAYLAND_*",
    "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONHOME", "PYTHONBREAKPOINT", "PYTHONPROFILEIMPORTTIME",
    "PYTHONWARNINGS", "PYTHONSAFEPATH", "PYTEST_*", "COV_*", "COVERAGE_*",
    "MLDEPLOY_*", "SERVICE_*", "SCORING_TIMEOUT_MS", "WORKER_*", "WORKSPACE_NAME",
    "OTEL_*", "APPINSIGHTS_*", "APPLICATIONINSIGHTS_*", "APP_INSIGHTS_*",
    "WERKZEUG_*", "FLASK_*", "GUNICORN_*", "NOTIFY_SOCKET", "LISTEN_*", "INVOCATION_ID", "JOURNAL_STREAM",
)  # fmt: skip

#: A variable that no rule names is removed when its name holds one of these words between underscores.
SECRET_WORDS = frozenset(
    {"TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PWD", "APIKEY", "KEY", "KEYS", "CREDENTIAL",
     "CREDENTIALS", "AUTH", "COOKIE", "PRIVATE", "PASSPHRASE", "SAS", "CONNSTR", "DSN"}
)  # fmt: skip

#: Variables that limit the thread pools of numerical libraries; they are read when the library is loaded.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)  # fmt: skip


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def is_kept(name: str) -> bool:
    """Return whether a service sees the variable ``name`` of the process that starts it.

    >>> [is_kept(name) for name in ("PATH", "JUPYTERHUB_API_TOKEN", "MY_SETTING", "WANDB_API_KEY")]
    [True, False, True, False]
    """
    if _matches(name, KEPT):
        return True
    if _matches(name, REMOVED):
        return False
    return not SECRET_WORDS & set(name.upper().split("_"))


def scrubbed(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what of ``environ`` (default: this process's) a service may see."""
    return {name: value for name, value in (os.environ if environ is None else environ).items() if is_kept(name)}


def cores() -> int:
    """Return how many cores this process may use: the scheduler's affinity, cut down by a cgroup's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as stream:  # noqa: PTH123
            quota, period = stream.read().split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return max(1, count)


def thread_variables(workers: int, *given: Mapping[str, str]) -> dict[str, str]:
    """Return the thread variables that keep ``workers`` × threads within the cores; those set in ``given`` win.

    Nothing is set when the user set any of them: whoever tunes one library should not find the others changed.
    """
    if any(name in variables for variables in given for name in THREAD_VARIABLES):
        return {}
    return dict.fromkeys(THREAD_VARIABLES, str(max(1, cores() // max(1, workers))))
