"""Evidence in, one sentence with the cause and one with the way out."""

import pytest

from jupyter_mldeploy.core.postmortem import RULES, Evidence, Frame, explain


@pytest.mark.parametrize(
    ("evidence", "code", "words"),
    [
        (
            Evidence("import", "ModuleNotFoundError: No module named 'cv2'"),
            "missing-module",
            ["'cv2'", "--pip opencv-python-headless"],
        ),
        (
            Evidence("import", "ImportError: cannot import name 'joblib' from 'sklearn.externals' (/x/__init__.py)"),
            "sklearn-externals",
            ["import joblib"],
        ),
        (
            Evidence("import", "ModuleNotFoundError: No module named 'sklearn.externals.joblib'"),
            "sklearn-externals",
            ["0.23"],
        ),
        (
            Evidence("import", "ImportError: cannot import name 'Foo' from 'torch' (unknown location)"),
            "missing-name",
            ["'Foo'", "'torch'"],
        ),
        (
            Evidence(
                "init",
                "FileNotFoundError: [Errno 2] No such file or directory: 'm/forest.pkl'",
                model_tree=["azureml-models/m/1/", "  ridge.pkl  633 B"],
            ),
            "model-not-found",
            ["m/forest.pkl", "AZUREML_MODEL_DIR holds ridge.pkl"],
        ),
        (Evidence("init", "KeyError: 'AZUREML_MODEL_DIR'"), "model-dir-unset", ["spelling"]),
        (
            Evidence("init", "AttributeError: Can't get attribute 'Net' on <module '__main__' from 'x'>"),
            "main-pickle",
            ["'Net'", "entry script"],
        ),
        (
            Evidence("init", "ModuleNotFoundError: No module named 'sklearn.linear_model.base'"),
            "pickle-version",
            ["save"],
        ),
        (Evidence("init", "_pickle.UnpicklingError: invalid load key, '\\x0f'."), "not-a-pickle", ["joblib.load"]),
        (Evidence("run", "MemoryError: Unable to allocate 9 GiB"), "out-of-memory", ["memory"]),
        (Evidence("selftest", "NameError: name 'scale' is not defined"), "name-error", ["--object scale", "--cells"]),
        (
            Evidence("contract", "User script at s.py does not have a run() function defined."),
            "init-missing",
            ["run()"],
        ),
        (
            Evidence("selftest", "AttributeError: 'NoneType' object has no attribute 'predict'"),
            "no-such-attribute",
            ["global"],
        ),
        (Evidence("start", log_tail=["OSError: [Errno 98] Address already in use"]), "address-in-use", ["port"]),
        (Evidence("start", log_tail=["x", "OSError: [Errno 28] No space left on device"]), "disk-full", ["space"]),
        (Evidence("init", "ValueError: boom"), "exception", ["init()", "ValueError: boom"]),
        (Evidence("running", exit_code=-9), "signal-9", ["memory"]),
        (Evidence("running", exit_code=139), "signal-11", ["segmentation fault"]),
        (Evidence("running", exit_code=0), "exited", ["sys.exit"]),
        (Evidence("running", exit_code=7), "exit-code", ["7"]),
        (Evidence("start"), "unknown", ["log lines"]),
        (Evidence("running", out_of_memory=True, memory_limit_gb=0.5, exit_code=-9), "out-of-memory", ["0.5 GB"]),
    ],
)
def test_each_kind_of_evidence_has_its_cause_and_way_out(evidence: Evidence, code: str, words: list[str]) -> None:
    verdict = explain(evidence)
    assert verdict.code == code
    for word in words:
        assert word in f"{verdict.sentence} {verdict.fix}"


def test_the_place_is_the_innermost_frame_of_the_users_own_code() -> None:
    frames = [
        Frame("In[3]", 4, "init"),
        Frame("In[3]", 9, "load"),
        Frame("/env/lib/python3.11/site-packages/joblib/numpy_pickle.py", 650, "load"),
    ]
    assert explain(Evidence("init", "ValueError: boom", frames)).where == "In[3] line 9"


def test_codes_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
