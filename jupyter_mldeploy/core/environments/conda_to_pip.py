"""Conda packages as pip requirements, for building a conda file's environment without conda."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .conda_file import conda_name, conda_version

#: Conda's names that differ from the Python Package Index; None: nothing to install.
_NAMES: Mapping[str, str | None] = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "py-xgboost": "xgboost",
    "xgboost-cpu": "xgboost",
    "py-opencv": "opencv-python-headless",
    "opencv": "opencv-python-headless",
    "py-lightgbm": "lightgbm",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-base": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "matplotlib-base": "matplotlib",
    "python-graphviz": "graphviz",
    "pyyaml": "pyyaml",
    "msgpack-python": "msgpack",
    "pytables": "tables",
    "onnxruntime-cpu": "onnxruntime",
    "dask-core": "dask",
    "prophet": "prophet",
    "fbprophet": "prophet",
    "pip": None,
    "setuptools": "setuptools",
    "wheel": None,
    "nomkl": None,
    "mkl": None,
    "blas": None,
    "libblas": None,
    "openblas": None,
    "ca-certificates": None,
    "openssl": None,
    "certifi": "certifi",
    "libgcc-ng": None,
    "libstdcxx-ng": None,
    "libgomp": None,
    "_libgcc_mutex": None,
    "_openmp_mutex": None,
    "cpuonly": None,
    "tzdata": None,
    "zlib": None,
    "readline": None,
    "sqlite": None,
    "tk": None,
    "xz": None,
    "libffi": None,
    "ncurses": None,
    "bzip2": None,
    "ld_impl_linux-64": None,
    "python_abi": None,
}
#: Programs and libraries that pip cannot bring.
_NATIVE = frozenset(
    (
        "cudatoolkit",
        "cudnn",
        "nccl",
        "cuda",
        "cuda-toolkit",
        "gcc",
        "gxx",
        "gcc_linux-64",
        "gxx_linux-64",
        "compilers",
        "cmake",
        "make",
        "r-base",
        "r-essentials",
        "nodejs",
        "openjdk",
        "java-jdk",
        "ffmpeg",
        "gdal",
        "libgdal",
        "graphviz",
        "git",
        "curl",
        "libxgboost",
        "poppler",
        "tesseract",
        "faiss",
        "libsndfile",
        "unixodbc",
        "geos",
        "proj",
        "openmpi",
        "mpich",
        "hdf5",
    )
)


def as_pip(packages: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the pip requirements for conda packages, and the packages that pip cannot bring."""
    requirements: list[str] = []
    native: list[str] = []
    for package in packages:
        name = conda_name(package)
        foreign = name.startswith(("r-", "cuda-", "lib")) and name not in _NAMES and name != "librosa"
        if name in _NATIVE or foreign:
            native.append(package)
            continue
        other = _NAMES.get(name, name)
        if other is not None:
            requirements.append(f"{other}{conda_version(package)}")
    return requirements, native
