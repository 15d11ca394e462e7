"""Tell the script whether a page's product is open to the reader. Source: docs/protocols/plenigo-v2.md 4.2."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .. import purchases, session_cookies
from ..companies import find_company
from ..customers import is_storable
from ..guard import guarded
from ..models import Company


# Any page may ask and read the answer: it is about whoever's session is in the body, and no cookie is looked at.
@csrf_exempt
@login_not_required
@guarded
@require_POST
def show_access(request: HttpRequest, company_id: str) -> JsonResponse:
    """Answer for the holder of the session `plenigo_user` that the body carries, and for nobody else."""
    company = find_company(company_id)
    if company is None:
        raise Http404
    response = JsonResponse({"accessible": not company.paywall_enabled or _owns(company, request)})
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "no-store"
    return response


def _owns(company: Company, request: HttpRequest) -> bool:
    product_id = request.POST.get("productId", "")
    customer = session_cookies.customer_of(company, request.POST.get("session", ""))
    if customer is None or not is_storable(product_id):
        return False
    return purchases.owns(customer, product_id, test_mode=request.POST.get("testMode") == "true")
