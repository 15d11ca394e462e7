"""The addresses of the newspaper."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from newspaper import views

urlpatterns = [
    path("", views.FrontPageView.as_view(), name="front-page"),
    path("section/<slug:section>/", views.SectionView.as_view(), name="section"),
    path("article/<slug:slug>/", views.ArticleView.as_view(), name="article"),
    path("edition/", views.EditionView.as_view(), name="edition"),
    path("offers/", views.OffersView.as_view(), name="offers"),
    path("log-in/", views.LogInView.as_view(), name="log-in"),
    path("log-out/", LogoutView.as_view(), name="log-out"),
    path("register/", views.RegistrationView.as_view(), name="register"),
    path("account/", views.AccountView.as_view(), name="account"),
    path("account/email/", views.EmailView.as_view(), name="change-email"),
    path("favicon.ico", views.IconView.as_view()),
]
