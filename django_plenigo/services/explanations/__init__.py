"""Says in plain words what an error means and what to do, for people who have never seen a status code."""

from typing import TYPE_CHECKING

from django_plenigo.first_use import load_at_first_use

if TYPE_CHECKING:
    from django_plenigo.services.explanations.codes import Explanation
    from django_plenigo.services.explanations.explaining import (
        ASK_AGAIN,
        EXPLANATIONS,
        OTHER,
        explain,
        explain_error,
        explain_now,
    )

__all__ = ["ASK_AGAIN", "EXPLANATIONS", "OTHER", "Explanation", "explain", "explain_error", "explain_now"]

__getattr__ = load_at_first_use(
    __name__,
    {
        "codes": ["Explanation"],
        "explaining": ["ASK_AGAIN", "EXPLANATIONS", "OTHER", "explain", "explain_error", "explain_now"],
    },
)
