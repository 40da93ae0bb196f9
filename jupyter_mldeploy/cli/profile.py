"""``mldeploy model profile``: how much CPU and memory a service needs."""

from __future__ import annotations

import argparse
from pathlib import Path

from .context import Context
from .parser import option_type
from .progress import reporting


def profile_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``model profile``."""
    parser.description = (
        "Deploy a script with its models as a temporary service, send it the requests under rising load, measure what"
        " it uses, and try smaller limits until it becomes slower. Without script and model it is the live revision of"
        " the service NAME. It never takes longer than --timeout."
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="what the profile is called, or the service to profile")
    add("script", metavar="SCRIPT", nargs="?", help="the entry script")
    add("--requests", metavar="FILE", required=True, help="text file with one request body (JSON) a line")
    add("-m", "--model", metavar="REF", action="append", default=[], help="a model for the script (repeatable)")
    add("--env", metavar="FILE|NAME[:V]", help="the environment")
    add("--target", metavar="TARGET", help="where it runs (default: docker, or local where no engine answers)")
    add("--cpu", metavar="CORES", type=float, help="cores to begin with (default: all)")
    add("--memory-gb", metavar="GB", type=float, help="memory to begin with (default: no limit)")
    add("--rps", metavar="N", type=float, help="requests a second that the recommendation has to reach")
    add("--timeout", metavar="SECONDS", type=option_type("timeout"), default=300.0, help="end after this time (300)")
    add("--plot", metavar="FILE.svg", help="write the plot of latency over load")
    add("-d", "--description", metavar="TEXT", help="what the profile is for")


def run_profile(context: Context, args: argparse.Namespace) -> int | None:
    """Profile and show the result; a profile that failed is exit code 1."""
    with reporting(context.output) as report:
        found = context.workspace.profile(
            args.name, args.script, requests=args.requests, models=args.model, environment=args.env,
            target=args.target, cpu=args.cpu, memory_gb=args.memory_gb, requests_per_second=args.rps,
            description=args.description, deadline_s=args.timeout, report=report,
        )  # fmt: skip
    if args.plot:
        Path(args.plot).expanduser().write_text(found.svg(), encoding="utf-8")
    context.output.result(found.to_dict(), str(found))
    return 0 if found.details["state"] == "Succeeded" else 1
