"""What an agent fills in."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_plenigo.services import access_imports
from django_plenigo.services.access_ids import LONGEST_VALUE

#: How many products are asked for at once.
MOST_PRODUCTS = 10


class ProductsForm(forms.Form):
    """Which products access is asked for."""

    product_ids = forms.CharField(
        label=_("Product IDs"),
        max_length=500,
        help_text=_("As they stand at plenigo; several are separated by commas or blanks."),
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_product_ids(self) -> list[str]:
        """Return the ids, each once."""
        product_ids = list(dict.fromkeys(re.findall(r"[^\s,]+", self.cleaned_data["product_ids"])))
        if not product_ids:
            raise forms.ValidationError(self.fields["product_ids"].error_messages["required"], code="required")
        if len(product_ids) > MOST_PRODUCTS:
            raise forms.ValidationError(
                _("Ask for at most %(most)d products at once."), params={"most": MOST_PRODUCTS}, code="too_many"
            )
        return product_ids


class AccessIdsForm(forms.Form):
    """One to four access ids of one customer; an empty field leaves that one as it is."""

    def __init__(self, *args: Any, labels: Sequence[str], current: Mapping[int, str], **kwargs: Any) -> None:
        """Make a field for each slot, with the site's label and what is in it now."""
        super().__init__(*args, **kwargs)
        for slot, label in enumerate(labels, 1):
            self.fields[f"slot_{slot}"] = forms.CharField(
                label=label,
                required=False,
                # Without a limit of its own: the service says the same about files and forms.
                help_text=_("Now: %(value)s") % {"value": current[slot]} if slot in current else "",
                widget=forms.TextInput(
                    attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false", "size": LONGEST_VALUE}
                ),
            )

    @property
    def ids(self) -> list[str | None]:
        """The ids by position, None where a field is empty."""
        return [value or None for value in self.cleaned_data.values()]


#: What a file of each kind holds, as the first line of it has to say.
COLUMNS = _(
    "CSV or XLSX, at most %(most)d MiB. The first line names the columns: one of customer_id, external_id, email or "
    "access_id, which says who the customer is, and access_id_1 to access_id_4."
)
COLUMNS_OF_REFERENCES = _(
    "CSV or XLSX, at most %(most)d MiB. The first line names the columns: one of email, user_id, username, customer_id "
    "or external_id, which says who the user is, and reference, or external_reference where the references are ones "
    "that you have given the vendor."
)
COLUMNS_OF_BOTH = _(
    "CSV or XLSX, at most %(most)d MiB. The first line names the columns. Access IDs: one of customer_id, external_id, "
    "email or access_id, which says who the customer is, and access_id_1 to access_id_4. References: one of email, "
    "user_id, username, customer_id or external_id, which says who the user is, and reference, or external_reference "
    "where the references are ones that you have given the vendor."
)

#: Before the name of a portal, where accounts are chosen by their names alone.
OF_PORTAL = "portal:"


class ImportFileForm(forms.Form):
    """A file of access ids of one of some accounts, or of references of one of some portals."""

    account = forms.ChoiceField(label=_("Account"))
    file = forms.FileField(label=_("File"), widget=forms.FileInput(attrs={"accept": ".csv,.txt,.xlsx"}))

    def __init__(self, *args: Any, accounts: Sequence[str], portals: Sequence[str] = (), **kwargs: Any) -> None:
        """Tell the limit and the columns, and leave out the question for the place where there is only one."""
        super().__init__(*args, **kwargs)
        file: Any = self.fields["file"]
        place: Any = self.fields["account"]
        columns = COLUMNS_OF_BOTH if accounts and portals else COLUMNS_OF_REFERENCES if portals else COLUMNS
        file.help_text = columns % {"most": access_imports.MOST_BYTES // 1024**2}
        if portals:
            place.label = _("What the file holds")
            place.choices = [
                *((name, _("Access IDs of the account %(name)s") % {"name": name}) for name in accounts),
                *((OF_PORTAL + name, _("References of the portal %(name)s") % {"name": name}) for name in portals),
            ]
        else:
            place.choices = [(name, name) for name in accounts]
        self.only_place = place.choices[0][0] if len(place.choices) == 1 else ""
        if self.only_place:
            place.widget, place.required = forms.HiddenInput(), False
            self.initial["account"] = self.only_place

    @property
    def destination(self) -> dict[str, Any]:
        """What of `access_imports.start` says where the file belongs."""
        place: str = self.cleaned_data["account"] or self.only_place
        is_portal = place.startswith(OF_PORTAL)
        return {"portal": place.removeprefix(OF_PORTAL)} if is_portal else {"using": place}
