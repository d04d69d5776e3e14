"""Robust bounds from earlier observations, as SQL: the median and so many median absolute deviations.

One bad week moves neither, where it would move a mean and a standard deviation. Belongs here: the arithmetic
and what "not enough history" is. Which observations are compared is `raw`.
"""

from llmops_assets.quality_settings import QualitySettings


def width(values: str, margin: str, settings: QualitySettings) -> str:
    """Half the distance of the bounds: k deviations, but at least `margin`; both are SQL."""
    return f"greatest({settings.mad_factor} * mad({values}), {margin})"


def is_known(values: str, settings: QualitySettings) -> str:
    """Whether there are enough observations to judge by."""
    return f"count({values}) >= {settings.min_history}"


def note(values: str, settings: QualitySettings) -> str:
    """What to say of the history."""
    few = f"not enough history: ' || count({values}) || ' of {settings.min_history} earlier observations"
    return (
        f"case when {is_known(values, settings)} then 'median ' || round(median({values}), 4) || ' of ' "
        f"|| count({values}) || ' weeks' else '{few}' end"
    )
