"""Says in plain words what an error means and what to do, for people who have never seen a status code."""

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
