"""Let the database itself refuse to change the record or an account's mode."""

from django.db import migrations

APPEND_ONLY = ("trading_ledgerentry", "trading_orderevent", "trading_fill")

POSTGRES = [
    """
    CREATE FUNCTION mystic_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% rows are append-only', TG_TABLE_NAME USING ERRCODE = '23514'; END $$
    """,
    *(
        f"""CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table}
        FOR EACH ROW EXECUTE FUNCTION mystic_refuse_change()"""
        for table in APPEND_ONLY
        for action in ("UPDATE", "DELETE")
    ),
    """
    CREATE FUNCTION mystic_refuse_mode() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the mode of an account never changes' USING ERRCODE = '23514'; END $$
    """,
    """CREATE TRIGGER trading_account_mode BEFORE UPDATE ON trading_account
    FOR EACH ROW WHEN (OLD.mode IS DISTINCT FROM NEW.mode) EXECUTE FUNCTION mystic_refuse_mode()""",
    """
    CREATE FUNCTION mystic_check_order_mode() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.mode <> (SELECT mode FROM trading_account WHERE id = NEW.account_id) THEN
            RAISE EXCEPTION 'an order has the mode of its account' USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END $$
    """,
    """CREATE TRIGGER trading_order_mode BEFORE INSERT OR UPDATE OF mode, account_id
    ON trading_order FOR EACH ROW EXECUTE FUNCTION mystic_check_order_mode()""",
]
POSTGRES_UNDO = [
    *(
        f"DROP TRIGGER {table}_{action} ON {table}"
        for table in APPEND_ONLY
        for action in ("update", "delete")
    ),
    "DROP TRIGGER trading_account_mode ON trading_account",
    "DROP TRIGGER trading_order_mode ON trading_order",
    "DROP FUNCTION mystic_refuse_change()",
    "DROP FUNCTION mystic_refuse_mode()",
    "DROP FUNCTION mystic_check_order_mode()",
]

SQLITE = [
    *(
        f"""CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} rows are append-only'); END"""
        for table in APPEND_ONLY
        for action in ("UPDATE", "DELETE")
    ),
    """CREATE TRIGGER trading_account_mode BEFORE UPDATE OF mode ON trading_account
    WHEN OLD.mode <> NEW.mode
    BEGIN SELECT RAISE(ABORT, 'the mode of an account never changes'); END""",
    *(
        f"""CREATE TRIGGER trading_order_mode_{action.split()[0].lower()}
        BEFORE {action} ON trading_order
        WHEN NEW.mode <> (SELECT mode FROM trading_account WHERE id = NEW.account_id)
        BEGIN SELECT RAISE(ABORT, 'an order has the mode of its account'); END"""
        for action in ("INSERT", "UPDATE OF mode, account_id")
    ),
]
SQLITE_UNDO = [
    *(f"DROP TRIGGER {table}_{action}" for table in APPEND_ONLY for action in ("update", "delete")),
    "DROP TRIGGER trading_account_mode",
    "DROP TRIGGER trading_order_mode_insert",
    "DROP TRIGGER trading_order_mode_update",
]


def install(apps, schema_editor):
    is_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES if is_postgres else SQLITE:
        schema_editor.execute(statement, params=None)


def remove(apps, schema_editor):
    is_postgres = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRES_UNDO if is_postgres else SQLITE_UNDO:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("trading", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
