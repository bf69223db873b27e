"""Forms of the platform as a whole."""

from datetime import timedelta

from django import forms
from django.utils import timezone

from mystic.models import ApiToken, User

LIFETIMES = {"30": "30 days", "90": "90 days", "365": "a year", "": "no end"}


class TokenForm(forms.Form):
    """What a person says of a new API token."""

    name = forms.CharField(max_length=60, help_text="What will use it, such as “notebook”.")
    scope = forms.ChoiceField(
        label="May",
        choices=[
            (ApiToken.Scope.READ, "read only"),
            (ApiToken.Scope.TRADE, "read, and place and cancel orders"),
        ],
    )
    lifetime = forms.ChoiceField(
        label="Valid for", choices=list(LIFETIMES.items()), required=False, initial="90"
    )

    def issue(self, *, user: User) -> tuple[ApiToken, str]:
        """Make the token; the key is given once."""
        days = self.cleaned_data["lifetime"]
        ends = timezone.now() + timedelta(days=int(days)) if days else None
        return ApiToken.issue(
            user=user,
            name=self.cleaned_data["name"],
            scope=self.cleaned_data["scope"],
            expires_at=ends,
        )
