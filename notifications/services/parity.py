"""Tell the owner of a deployment that it and its strategy run again do not agree."""

from notifications import rules
from notifications.models import Alert, AlertRule
from notifications.services.alerts import Draft, alerts_raise
from notifications.services.listeners import rule_channels
from trading.events import ParityReported
from trading.models import ParityReport
from trading.parity import LEAST_MATCH, summary


def on_parity_reported(event: ParityReported) -> None:
    """Tell the owner, through their risk rules, of a match below 99 %; once a report."""
    report = (
        ParityReport.objects.select_related("deployment__strategy", "deployment__account")
        .filter(pk=event.report_id)
        .first()
    )
    if report is None or not report.decisions:
        return
    least = min(report.matched_received, report.matched_published)
    if least >= LEAST_MATCH * report.decisions:
        return
    found = list(
        AlertRule.objects.filter(
            kind=AlertRule.Kind.RISK, is_active=True, user_id=event.user_id, user__is_active=True
        )
        .prefetch_related("channels")
        .order_by("pk")
    )
    if not found:
        return
    text = rules.parity_text(
        strategy=report.deployment.strategy.name,
        account=report.deployment.account.name,
        summary=summary(
            decisions=report.decisions,
            received=report.matched_received,
            published=report.matched_published,
            causes=report.causes,
        ),
    )
    alerts_raise(
        [
            Draft(
                user_id=event.user_id,
                key=f"parity:{report.pk}",
                kind=Alert.Kind.RISK,
                severity=Alert.Severity.WARNING,
                text=text,
                rule_id=found[0].pk,
                channel_ids=rule_channels(found),
                path=f"/deployments/{report.deployment_id}/parity/",
            )
        ]
    )
