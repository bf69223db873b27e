"""Let the database itself refuse to change or delete a forecast or its score."""

from django.db import migrations

TABLES = ("signals_forecast", "signals_forecastscore")
PLACES = [(table, action) for table in TABLES for action in ("UPDATE", "DELETE")]

POSTGRES = [
    """
    CREATE FUNCTION signals_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% rows are append-only', TG_TABLE_NAME USING ERRCODE = '23514'; END $$
    """,
    *(
        f"""CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table}
        FOR EACH ROW EXECUTE FUNCTION signals_refuse_change()"""
        for table, action in PLACES
    ),
]
POSTGRES_UNDO = [
    *(f"DROP TRIGGER {table}_{action.lower()} ON {table}" for table, action in PLACES),
    "DROP FUNCTION signals_refuse_change()",
]
SQLITE = [
    f"""CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} rows are append-only'); END"""
    for table, action in PLACES
]
SQLITE_UNDO = [f"DROP TRIGGER {table}_{action.lower()}" for table, action in PLACES]


def install(apps, schema_editor):
    is_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES if is_postgres else SQLITE:
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    is_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES_UNDO if is_postgres else SQLITE_UNDO:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("signals", "0003_conclusions_complete")]
    operations = [migrations.RunPython(install, remove)]
