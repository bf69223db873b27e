"""Django's SQLite engine, with writers of one process served in the order they came."""
