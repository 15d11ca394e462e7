"""What the newspaper sells, by its own names. The settings say what plenigo calls each of them."""

from django.utils.translation import gettext_lazy as _

DAY_PASS, MONTHLY, YEARLY = "day-pass", "monthly", "yearly"

#: The ids of the products of the sandbox's demo company.
SANDBOX_IDS = {DAY_PASS: "EgLUrT56328991046641", MONTHLY: "P_MONTHLY", YEARLY: "P_YEARLY"}

#: Under what conditions a single article is sold, in the language of the reader.
LEGAL_TEXT = _(
    "The article opens at once. With the purchase you agree to that, and to lose your right of withdrawal by it."
)
