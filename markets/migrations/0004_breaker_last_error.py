from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('markets', '0003_venue_listed_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='breaker',
            name='last_error',
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name='breaker',
            name='last_error_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
