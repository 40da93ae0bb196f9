"""What calls do to the objects they are given, as data: which methods change their object, and which only look.

The tables decide what a slice must keep. A name listed as a change that is none costs a superfluous statement; one
listed as harmless that is not would lose a change, so the lists of harmless names are the careful ones.
"""

from __future__ import annotations

import ast
import re
from typing import Literal


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: ``own``: changes the object itself; ``deep``: may also change what the object holds; ``none``: only looks;
#: ``unknown``: cannot be told from the name.
Effect = Literal["own", "deep", "none", "unknown"]

_OWN = _words(
    """
    append extend insert remove pop clear sort reverse update add discard setdefault popitem appendleft extendleft
    popleft rotate intersection_update difference_update symmetric_difference_update move_to_end subtract fill put
    resize setflags itemset
    """
)
_DEEP = _words(
    """
    fit fit_transform fit_predict fit_resample partial_fit train eval compile build load_state_dict load_weights
    load_model set_weights set_params requires_grad_ step backward zero_grad seed manual_seed manual_seed_all
    freeze unfreeze fine_tune fit_one_cycle fit_generator calibrate prune quantize adapt register reset
    reset_parameters initialize init connect learn setup
    """
)
#: Count only when the result is thrown away: as expressions they convert a copy.
_BARE_DEEP = _words(
    """
    to cuda cpu half float double bfloat16 apply
    """
)
_DEEP_PREFIXES = tuple(
    _words(
        """
        set_ add_ register_ remove_ delete_ insert_ update_ load_ init_ reset_ enable_ disable_ append_ extend_ push_
        clear_ freeze_ unfreeze_ train_ fit_
        """
    )
)
_COPYING = _words(
    """
    set_index reset_index set_axis add_prefix add_suffix set_flags load_dataset update_layout
    """
)
_LOOKING = _words(
    """
    head tail info describe plot hist show display print shape summary score predict predict_proba
    predict_log_proba transform inverse_transform decision_function value_counts corr cov isna isnull notna
    notnull sum mean median std var min max unique nunique groupby boxplot scatter bar barh line pie sample copy
    savefig dump dumps write writelines log warning debug error critical exception get keys values items count
    index join split rsplit strip lstrip rstrip format encode decode lower upper title capitalize startswith
    endswith find evaluate get_params render export style pivot pivot_table merge query sort_values sort_index
    drop dropna fillna rename assign astype agg aggregate applymap map crosstab melt stack unstack memory_usage
    select_dtypes nlargest nsmallest quantile round cumsum diff pct_change rolling resample reshape flatten ravel
    transpose argmax argmin tolist item numpy detach clone size dim numel nonzero isin between duplicated
    drop_duplicates idxmax idxmin mode abs clip dot explain tree_ feature_importances_ block_until_ready exists
    is_file is_dir iterdir glob read_text read_bytes read readline readlines close flush any all equals compare
    cat str dt loc iloc iat at xs filter where mask eq ne lt le gt ge set_index reset_index set_axis add_prefix
    add_suffix wait most_common elements collect take first rank skew kurt sem hvplot iplot barplot area kde
    density hexbin pairplot heatmap view tight_layout suptitle legend grid xlabel ylabel xlim ylim axhline axvline
    annotate text subplots
    """
)
_LOOKING_PREFIXES = tuple(
    _words(
        """
        is_ get_ has_ to_ plot_ show_ print_ log_ save_ as_ list_ check_ assert_ assert export_ dump_ write_ compute_
        predict_ describe_ display_ report_ validate_ plot show print _repr_
        """
    )
)
#: Methods that return the object itself, so that ``model = model.fit(X)`` is still the same model.
RETURN_SELF = _words(
    """
    fit partial_fit to cuda cpu eval train set_params requires_grad_ half float double set_output
    """
)
#: Methods that return a part of the object: changing the result changes the object.
RETURN_PART = _words(
    """
    get setdefault values items keys get_layer parameters named_parameters modules children state_dict get_booster
    named_modules named_children get_submodule buffers __getitem__ reshape ravel view
    transpose squeeze swapaxes diagonal numpy detach
    """
)

#: Functions whose result holds what they were given.
HOLDING = frozenset(
    (
        "partial",
        "dict",
        "list",
        "tuple",
        "set",
        "frozenset",
        "zip",
        "iter",
        "reversed",
        "sorted",
        "enumerate",
        "map",
        "filter",
        "deque",
        "defaultdict",
        "chain",
        "islice",
        "zip_longest",
        "product",
        "copy",
        "asarray",
        "from_numpy",
        "ascontiguousarray",
        "asfortranarray",
        "as_tensor",
        "atleast_1d",
        "atleast_2d",
    )
)
#: Functions whose result is their first argument, or a part of it.
PART_OF_FIRST = frozenset(("getattr", "vars", "next", "max", "min", "asarray", "from_numpy", "as_tensor"))
HOLDING_PREFIXES = ("make_", "wrap", "build_", "create_", "compose")
#: What makes something that every use uses up: iterators, open files, generators of random numbers.
USED_UP = frozenset(
    (
        "iter",
        "map",
        "filter",
        "zip",
        "enumerate",
        "reversed",
        "open",
        "reader",
        "DictReader",
        "finditer",
        "cycle",
        "chain",
        "islice",
        "default_rng",
        "RandomState",
        "Random",
        "Generator",
        "scandir",
        "iterdir",
    )
)

#: Functions that change their first argument.
_FIRST_ARGUMENT = _words(
    """
    shuffle heappush heapify heappop heapreplace heappushpop insort insort_left insort_right setattr delattr next
    put place copyto fill_diagonal putmask put_along_axis clip_grad_norm_ clip_grad_value_
    """
)
_HARMLESS_FUNCTIONS = _words(
    """
    print display pprint pp len sum min max sorted repr str int float bool list tuple set dict type isinstance
    issubclass hasattr getattr id hash dir help abs round any all enumerate zip map filter range iter reversed
    open input vars callable format ord chr HTML Markdown Image Audio Video JSON clear_output sleep time timeit
    cross_val_score accuracy_score confusion_matrix classification_report f1_score roc_auc_score
    mean_squared_error r2_score summary figure subplots savefig dump joblib save savez savetxt heatmap pairplot
    getsizeof
    """
)
_HARMLESS_MODULES = _words(
    """
    matplotlib seaborn plotly bokeh altair IPython pprint logging json pickle joblib time timeit mlflow wandb tqdm
    os shutil requests pathlib torchsummary torchinfo graphviz shap sweetviz ydata_profiling pandas_profiling
    missingno cloudpickle dill subprocess sys warnings gc platform tensorboard eli5 lime cv2 PIL ipywidgets
    holoviews
    """
)
_HARMLESS_PATHS = tuple(
    _words(
        """
        sklearn.metrics sklearn.tree sklearn.inspection sklearn.model_selection numpy.testing pandas.testing
        pandas.plotting numpy.save torch.save tensorflow.print onnx.save
        """
    )
)
#: Functions of modules whose state they change: seeds, options, search paths.
_MODULE_STATE = _words(
    """
    seed manual_seed manual_seed_all set_seed set_random_seed set_option set_printoptions filterwarnings
    simplefilter seterr append insert extend update setrecursionlimit set_default_dtype set_default_device
    set_num_threads set_grad_enabled use_deterministic_algorithms register_matplotlib_converters set_verbosity
    set_verbosity_error set_visible_devices set_memory_growth set_float32_matmul_precision basicConfig setLevel
    addHandler set_config setlocale set_start_method set_global_policy set_policy register
    register_keras_serializable add_type use_fork
    """
)


def method_effect(name: str, call: ast.Call, *, bare: bool) -> Effect:
    """Return what ``object.name(…)`` does to the object.

    Args:
        bare: the result is thrown away.
    """
    if any(keyword.arg == "inplace" and not _is_false(keyword.value) for keyword in call.keywords):
        return "own"
    if name in _OWN:
        return "own"
    if name in _DEEP or (bare and name in _BARE_DEEP) or (name.endswith("_") and not name.endswith("__")):
        return "deep"
    if name in _LOOKING or name in _COPYING:
        return "none"
    if name.startswith(_DEEP_PREFIXES):
        return "deep"
    if not bare or name.startswith(_LOOKING_PREFIXES):
        return "none"
    return "unknown"


def function_changes_first_argument(name: str) -> bool:
    """Whether a function (not a notebook's own) is known to change its first argument."""
    return name in _FIRST_ARGUMENT or (name.endswith("_") and not name.startswith("_") and len(name) > 3)


def function_is_harmless(path: str) -> bool:
    """Whether a function, by its dotted path as far as known, is known not to change its arguments."""
    head, _, _ = path.partition(".")
    last = path.rpartition(".")[2]
    if last in _HARMLESS_FUNCTIONS or last.lstrip("_").startswith(_LOOKING_PREFIXES):
        return True
    return ("." in path and head in _HARMLESS_MODULES) or path.startswith(_HARMLESS_PATHS)


def function_changes_module(path: str, call: ast.Call) -> bool:
    """Whether ``module.function(…)`` changes the state of the module (a random seed, an option)."""
    last = path.rpartition(".")[2]
    if last not in _MODULE_STATE:
        return False
    first = call.args[0] if call.args else None
    # How tables are printed is the notebook's business.
    return not (isinstance(first, ast.Constant) and str(first.value).startswith(("display.", "plotting.")))


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


_COSTLY_METHODS = _words(
    """
    fit fit_transform fit_predict fit_resample fit_generator fine_tune fit_one_cycle partial_fit train
    train_on_batch learn cross_validate tune
    """
)
_COSTLY_FUNCTIONS = _words(
    """
    cross_val_score cross_validate cross_val_predict read_csv read_parquet read_excel read_json read_sql
    read_sql_query read_table read_feather read_hdf read_pickle genfromtxt loadtxt load_dataset urlopen
    urlretrieve from_pretrained download snapshot_download hf_hub_download fmin minimize optimize sleep
    train_model
    """
)
_COSTLY_PREFIXES = tuple(
    _words(
        """
        fetch_ download_
        """
    )
)


def costly_calls(statement: ast.stmt) -> list[tuple[int, str]]:
    """Return line and text of the calls that train, download or read data while the statement runs."""
    found = []
    for node in immediate_nodes(statement):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        method = isinstance(function, ast.Attribute)
        if (method and name in _COSTLY_METHODS) or name in _COSTLY_FUNCTIONS or name.startswith(_COSTLY_PREFIXES):
            found.append((node.lineno, f"{ast.unparse(function)}(…)"))
    return found


def draws_random_numbers(statement: ast.stmt) -> int | None:
    """Return the line where a statement, when it runs, draws from a module's generator of random numbers."""
    for node in immediate_nodes(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            path = ast.unparse(node.func)
            drawn = re.match(
                r"random\.|(np|numpy)\.random\.|torch\.(rand|normal|multinomial|bernoulli)|tf\.random\.", path
            )
            if drawn and not re.search(r"\.(\w*seed\w*|default_rng|RandomState|Random|Generator|getstate)$", path):
                return node.lineno
    return None


def immediate_nodes(statement: ast.AST) -> list[ast.AST]:
    """Return the nodes that are evaluated when the statement runs: not the bodies of functions and lambdas."""
    found: list[ast.AST] = []
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        found.append(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            stack.extend([*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d)])
        elif isinstance(node, ast.Lambda):
            stack.extend([*node.args.defaults, *(d for d in node.args.kw_defaults if d)])
        else:
            stack.extend(reversed(list(ast.iter_child_nodes(node))))
    return found
