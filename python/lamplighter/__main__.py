r"""Try a training or building module on files given by hand, as a scratch run.

For example::

    python -m lamplighter --dataset train='trips/2013-0[12]-*.parquet' \
        --task binary --target 'arr_delay >= 15' -p max_iter=50 delay.train
"""

import argparse
import json
import runpy
import sys
from collections.abc import Sequence
from typing import Any

from lamplighter.errors import LamplighterError
from lamplighter.run import scratch


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"`{text}` is not NAME=VALUE")
    return name, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a module as a scratch run and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m lamplighter",
        description="Try a module on files given by hand; nothing is registered.",
    )
    parser.add_argument("module", help="the module to run, for example delay.train")
    parser.add_argument(
        "--dataset",
        metavar="ROLE=GLOB",
        type=_pair,
        action="append",
        default=[],
        help="files of a dataset; may be repeated",
    )
    parser.add_argument(
        "-p",
        "--param",
        metavar="KEY=VALUE",
        type=_pair,
        action="append",
        default=[],
        help="a parameter; may be repeated",
    )
    parser.add_argument("--kind", choices=("train", "build"), default="train")
    parser.add_argument("--task", choices=("binary", "multiclass", "regression"))
    parser.add_argument("--target", metavar="SQL", help="the target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", help="where outputs go; default: a new one")
    options = parser.parse_args(arguments)
    datasets: dict[str, list[str]] = {}
    for role, pattern in options.dataset:
        datasets.setdefault(role, []).append(pattern)
    try:
        scratch(
            datasets=datasets,
            params={name: _value(text) for name, text in options.param},
            task=options.task,
            target=options.target,
            seed=options.seed,
            kind=options.kind,
            folder=options.folder,
        )
        sys.argv = [options.module]
        runpy.run_module(options.module, run_name="__main__", alter_sys=True)
    except LamplighterError as error:
        print(f"lamplighter: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
