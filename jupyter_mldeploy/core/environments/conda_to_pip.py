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
#: Python packages of which conda and the Python Package Index have the same under the same name.
_SAME_WORDS = """
absl-py accelerate adlfs aiohttp altair attrs beautifulsoup4 bokeh boto3 botocore bottleneck cachetools
catboost category_encoders certifi cffi chardet charset-normalizer click cloudpickle cryptography cycler
cython dask datasets deap dill distributed docker et_xmlfile fastapi fastparquet filelock flask flask-cors
fsspec ftfy gensim gevent gitpython grpcio gunicorn h5py holidays huggingface_hub huggingface-hub hyperopt
idna imageio imbalanced-learn implicit inference-schema ipykernel ipython itsdangerous jinja2 jmespath joblib
jsonschema jupyter keras kiwisolver librosa lifelines lightgbm lime llvmlite loguru lxml markdown markupsafe
matplotlib mlflow mlxtend more-itertools multidict nbformat networkx nltk notebook numba numexpr numpy onnx
onnxmltools onnxruntime openpyxl optuna orjson packaging pandas patsy pillow pip-tools plotly pluggy polars
prophet protobuf psutil psycopg2 py4j pyarrow pyasn1 pycparser pydantic pyjwt pymongo pymysql pyodbc pyparsing
pyspark pytest python-dateutil python-dotenv pytz pywavelets rapidfuzz redis regex requests s3fs sacremoses
scikit-image scikit-learn scikit-optimize scipy seaborn sentence-transformers sentencepiece setuptools shap
simplejson six skl2onnx smart_open snowflake-connector-python spacy sqlalchemy sqlparse statsmodels sympy
tabulate tenacity tensorboard tensorflow tensorflow-cpu termcolor threadpoolctl tokenizers toolz torchaudio
torchvision tornado tqdm transformers typing_extensions typing-extensions ujson umap-learn urllib3 uvicorn
werkzeug wheel wrapt xarray xgboost xlrd xlsxwriter xlwt yarl zarr
"""
_SAME = frozenset(_SAME_WORDS.split())
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


def pip_name(package: str) -> tuple[str | None, str]:
    """Return what a conda package is to pip, and how that is known.

    Returns:
        The distribution's name (None: nothing to install, or nothing that pip has), and ``same``, ``renamed``,
        ``not needed`` (pip's packages bring it), ``conda only``, or ``unknown``: the name may be another's on the
        Python Package Index.
    """
    name = conda_name(package)
    if name in _NAMES:
        other = _NAMES[name]
        return other, "not needed" if other is None else "same" if other == name else "renamed"
    if name in _SAME:
        return name, "same"
    if name in _NATIVE or name.startswith(("r-", "cuda-", "lib")):
        return None, "conda only"
    return name, "unknown"


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
