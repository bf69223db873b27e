"""Let PostgreSQL keep blocks as they are: packing them again makes reading twice as slow."""

from django.db import migrations


def keep_plain(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE markets_candleblock ALTER COLUMN data SET STORAGE EXTERNAL"
        )


class Migration(migrations.Migration):
    dependencies = [("markets", "0006_feed_states")]

    operations = [migrations.RunPython(keep_plain, migrations.RunPython.noop)]
