"""The process in which Great Expectations runs: `python -m llmops_assets.expectations.worker`.

A process of its own, because importing the library takes about two seconds and 190 MB: it is started early
and imports beside the run's own work. It reads one JSON request per line (a Parquet file and the names of
what to judge in it), answers with one line each, and ends with its parent. It writes no file, opens no
connection and sends no statistics.
"""

import gc
import importlib
import json
import math
import os
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

# Only charts and two statistical tests of the library use these; they took 0.9 of 2.9 s and 80 of 270 MB.
SELDOM_USED = ("altair", "scipy.stats")
NICENESS = 5

Request = Mapping[str, Any]
Answer = dict[str, Any]


class _LoadedWhenUsed(types.ModuleType):
    """Stands for a module until something of it is asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__file__ = None
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # introspection looks at every module that there is
            raise AttributeError(name)
        del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def main() -> None:
    """Answer requests until the parent closes the pipe."""
    os.nice(NICENESS)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    judge = _prepared()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = judge(request)
        except Exception as error:  # noqa: BLE001 - the parent raises it, with the suite's name
            answer = {"broken": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _prepared() -> Callable[[Request], Answer]:
    """Import the library, without collecting garbage meanwhile (a sixth of the time), and open its context."""
    for name in SELDOM_USED:
        sys.modules[name] = _LoadedWhenUsed(name)
    gc.disable()
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    frames = context.data_sources.add_pandas("frames")
    gc.freeze()
    gc.enable()
    return lambda request: _judged(frames, request)


def _judged(frames: Any, request: Request) -> Answer:
    """Validate the frame's rows: the numbers of those that fail, by expectation, and what broke."""
    import great_expectations as gx
    import pandas as pd

    frame = _wide(pd.read_parquet(request["frame"]), request["names"])
    asset = frames.add_dataframe_asset(request["suite"])
    try:
        batch = asset.add_batch_definition_whole_dataframe("window").get_batch(batch_parameters={"dataframe": frame})
        suite = gx.ExpectationSuite(request["suite"], expectations=list(_expectations(frame, request["names"])))
        shape = {
            "result_format": "COMPLETE",
            "unexpected_index_column_names": ["row"],
            "include_unexpected_rows": False,
        }
        results = batch.validate(suite, result_format=shape).results
    finally:
        frames.delete_asset(request["suite"])
    return _answer(results)


def _wide(rows: Any, names: list[str]) -> Any:
    """A frame with three columns for each expectation: its value and bounds, empty in rows of others."""
    frame = rows[["row"]].copy()
    for name in names:
        for part in ("value", "lower", "upper"):
            frame[f"{name}.{part}"] = rows[part].where(rows["expectation"] == name)
    return frame


def _expectations(frame: Any, names: list[str]) -> Iterator[Any]:
    """Bounds that are the same in all rows are a range of the column; others are compared column with column."""
    import great_expectations.expectations as gxe

    for name in names:
        value, lower, upper = (f"{name}.{part}" for part in ("value", "lower", "upper"))
        bounds = frame.loc[frame[value].notna(), [lower, upper]].drop_duplicates()
        if len(bounds) == 1:
            low, high = (None if math.isnan(bound) else float(bound) for bound in bounds.iloc[0])
            if low is not None or high is not None:
                yield gxe.ExpectColumnValuesToBeBetween(
                    column=value, min_value=low, max_value=high, meta={"name": name}
                )
            continue
        for larger, smaller in ((value, lower), (upper, value)):
            yield gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A=larger,
                column_B=smaller,
                or_equal=True,
                ignore_row_if="either_value_is_missing",
                meta={"name": name},
            )


def _answer(results: Any) -> Answer:
    """Results come in no order, and one whose evaluation broke looks like one that failed."""
    failed: dict[str, list[int]] = {}
    broken: dict[str, str] = {}
    for result in results:
        name = result.expectation_config.meta["name"]
        raised = _raised(result.exception_info)
        if raised is not None:
            broken[name] = raised
        elif not result.success:
            failed.setdefault(name, []).extend(int(row["row"]) for row in result.result["unexpected_index_list"])
    return {"failed": {name: sorted(set(rows)) for name, rows in failed.items()}, "raised": broken}


def _raised(info: Mapping[str, Any] | None) -> str | None:
    """The message of an exception, from either shape: that of one expectation, or one per metric."""
    parts = [info or {}] if "raised_exception" in (info or {}) else list((info or {}).values())
    return next((str(part["exception_message"]) for part in parts if part.get("raised_exception")), None)


if __name__ == "__main__":
    main()
