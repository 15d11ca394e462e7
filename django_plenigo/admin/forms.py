"""What an agent fills in."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from django_plenigo import conf
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


def _accounts() -> list[tuple[str, str]]:
    return [(account, account) for account in conf.accounts()]


class ImportFileForm(forms.Form):
    """A file of access ids."""

    account = forms.ChoiceField(label=_("Account"), choices=_accounts)
    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV or XLSX, at most %(most)d MiB. The first line names the columns: one of customer_id, external_id, "
            "email or access_id, which says who the customer is, and access_id_1 to access_id_4."
        ),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.xlsx"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Tell the limit, and leave out the question for the account where there is only one."""
        super().__init__(*args, **kwargs)
        file, account = self.fields["file"], self.fields["account"]
        file.help_text = file.help_text % {"most": access_imports.MOST_BYTES // 1024**2}
        accounts = conf.accounts()
        if len(accounts) == 1:
            account.widget, account.initial, account.required = forms.HiddenInput(), accounts[0], False

    def clean_account(self) -> str:
        """Return the account, the only one where none was asked for."""
        account: str = self.cleaned_data["account"] or conf.accounts()[0]
        return account
