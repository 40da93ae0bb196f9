"""The options of ``%%deploy``: one table, read the same from a line and from argparse."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from jupyter_mldeploy.core.deployargs import (
    DEPLOY_OPTIONS,
    add_deploy_arguments,
    deploy_manual,
    parse_deploy_line,
    read_deploy_values,
)
from jupyter_mldeploy.errors import InvalidInputError


def test_a_bare_name_says_nothing_else() -> None:
    options = parse_deploy_line("diabetes")
    assert options.name == "diabetes"
    assert options.configuration() == {}
    assert options.target is None
    assert options.models == ()


def test_every_option_is_read() -> None:
    line = (
        "diabetes --model ridge.pkl --model scaler:2 --object model --target docker "
        "--env conda.yml --pip 'xgboost >= 2' --cells --isolated --python /opt/py --workers auto --port 8080 --no-auth "
        "--ttl 1h30m --memory-gb 1.5 "
        "--timeout 90 --scoring-timeout-ms 500 --max-concurrent 4 --batch 16 --source-directory src "
        "--include a.csv --include b.csv --save score.py --set cors_origins='[\"*\"]' --set max_queue=5 "
        "--set region=westeurope --config dc.json --tag team=ml --tag stage=test --description 'a b' "
        "--force --dry-run --quiet"
    )
    options = parse_deploy_line(line)
    assert options.models == ("ridge.pkl", "scaler:2")
    assert options.objects == ("model",)
    assert options.pip == ("xgboost >= 2",)
    assert options.include == ("a.csv", "b.csv")
    assert (options.target, options.environment, options.python) == ("docker", "conda.yml", "/opt/py")
    assert (options.save, options.config_file, options.source_directory) == ("score.py", "dc.json", "src")
    assert options.timeout == 90
    assert options.cells
    assert options.isolated
    assert options.force
    assert options.dry_run
    assert options.quiet
    assert options.configuration() == {
        "workers": "auto",
        "port": 8080,
        "auth_enabled": False,
        "ttl": 5400,
        "memory_gb": 1.5,
        "scoring_timeout_ms": 500,
        "replica_max_concurrent_requests": 4,
        "max_batch_size": 16,
        "tags": {"team": "ml", "stage": "test"},
        "description": "a b",
        "cors_origins": ["*"],
        "max_queue": 5,
        "region": "westeurope",
    }


@pytest.mark.parametrize(("text", "seconds"), [("8h", 28800), ("90", 90), ("1d", 86400), ("2m5s", 125), ("0.5", 0.5)])
def test_times(text: str, seconds: float) -> None:
    assert parse_deploy_line(f"abc --ttl {text}").ttl == seconds


def test_the_value_may_follow_an_equals_sign_and_start_with_a_dash() -> None:
    options = parse_deploy_line("--description=-x- --set a=-1 abc")
    assert options.description == "-x-"
    assert options.settings == {"a": -1}


@pytest.mark.parametrize(
    ("line", "field", "text"),
    [
        ("abc --modle x", "--modle", "Did you mean --model?"),
        ("abc --model", "--model", "needs a value (REF), but the line ends"),
        ("abc --model --cells", "--model", "but --cells follows"),
        ("abc --workers many", "--workers", "a whole number from 1 to 256, or auto"),
        ("abc --workers 0", "--workers", "a whole number from 1 to 256, or auto"),
        ("abc --port 70000", "--port", "from 1 to 65535"),
        ("abc --ttl soon", "--ttl", "a time such as 8h"),
        ("abc --ttl 0h", "--ttl", "a number above 0"),
        ("abc --memory-gb nan", "--memory-gb", "a number above 0"),
        ("abc --memory-gb -1", "--memory-gb", "a number above 0"),
        ("abc --set workers", "--set", "KEY=VALUE"),
        ("abc --object a.b", "--object", "the name of a variable"),
        ("abc --cells=yes", "--cells", "takes no value"),
        ("abc --port 1 --port 2", "--port", "given 2 times"),
        ("abc --port 1 --set port=2", "--set", "contradicts --port"),
        ("abc --from score.py --cells", "--cells", "deploys a file"),
        ("abc --description a b", "name", "takes one name, but the line has 2"),
        ("", "name", "needs the name of the service"),
        ("abc --description 'x", "line", "Close the quotation mark"),
        ("abc -q", "-q", "no option -q"),
        ("abc --model ''", "--model", "expected a value"),
    ],
)
def test_errors_name_the_option(line: str, field: str, text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_deploy_line(line)
    assert caught.value.field == field
    assert text in str(caught.value)


def test_argparse_reads_the_same() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    add_deploy_arguments(parser, skip={"quiet"})
    words = ["abc", "--model", "m.pkl", "--pip", "numpy", "--port", "80", "--set", "a.b=1", "--cells", "--tag", "k=v"]
    namespace = vars(parser.parse_args(words))
    assert read_deploy_values(namespace["name"], namespace) == parse_deploy_line(" ".join(words))
    assert "quiet" not in namespace
    assert "--workers N|auto" in parser.format_help()


def test_the_manual_names_every_option() -> None:
    manual = deploy_manual()
    assert all(option.flag in manual and option.help in manual for option in DEPLOY_OPTIONS)


@pytest.mark.parametrize("module", ["deployargs", "capture", "notebook", "objects", "environment"])
def test_importing_is_light(module: str) -> None:
    heavy = ("pydantic", "nbformat", "yaml", "packaging", "cloudpickle", "IPython", "numpy")
    code = f"import sys, jupyter_mldeploy.core.{module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
