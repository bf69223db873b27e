"""Let the database itself refuse to change what a backtest or a parity report said.

They go with the account that they belong to, so deleting is left to the cascade.
"""

from django.db import migrations

TABLES = ("trading_backtestresult", "trading_parityreport", "trading_paritydifference")

POSTGRES = [
    f"""CREATE TRIGGER {table}_update BEFORE UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION mystic_refuse_change()"""
    for table in TABLES
]
POSTGRES_UNDO = [f"DROP TRIGGER {table}_update ON {table}" for table in TABLES]
SQLITE = [
    f"""CREATE TRIGGER {table}_update BEFORE UPDATE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} rows are append-only'); END"""
    for table in TABLES
]
SQLITE_UNDO = [f"DROP TRIGGER {table}_update" for table in TABLES]


def install(apps, schema_editor):
    is_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES if is_postgres else SQLITE:
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    is_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES_UNDO if is_postgres else SQLITE_UNDO:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("trading", "0004_research")]
    operations = [migrations.RunPython(install, remove)]
