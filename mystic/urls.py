"""Every address of Mystic, by app."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

# One door for everybody: the one that counts wrong passwords.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("mystic.page_urls")),
    path("", include("markets.urls")),
    path("", include("signals.urls")),
    path("", include("trading.urls")),
    path("", include("notifications.urls")),
    path("api/", include("mystic.api_urls")),
    path("api/", include("markets.api_urls")),
    path("api/", include("signals.api_urls")),
    path("api/", include("trading.api_urls")),
    path("api/", include("notifications.api_urls")),
    path("", include("mystic.root_urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
