"""People, their tokens and what they did."""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone


class User(AbstractUser):
    """One person who signs in; `theme` is the look of their pages."""

    class Theme(models.TextChoices):
        DARK = "dark"
        LIGHT = "light"

    theme = models.CharField(max_length=5, choices=Theme, default=Theme.DARK)


class ApiToken(models.Model):
    """One API key of a user: only its SHA-256 is kept, the key itself is shown once."""

    class Scope(models.TextChoices):
        READ = "read"
        TRADE = "trade"

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=8)
    digest = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.READ)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @staticmethod
    def digest_of(key: str) -> str:
        return hashlib.sha256(key.encode()).hexdigest()

    @classmethod
    def issue(cls, *, user: User, name: str, scope: str, **fields: Any) -> tuple["ApiToken", str]:
        """Make a token and return it with its key, which cannot be had again."""
        key = f"my_{secrets.token_urlsafe(32)}"
        token = cls.objects.create(
            user=user, name=name, scope=scope, prefix=key[:8], digest=cls.digest_of(key), **fields
        )
        return token, key

    def is_usable(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now
