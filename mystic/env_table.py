"""Every setting of the platform itself; those of outside sources stand in `mystic.env_sources`."""

from mystic.env_readers import (
    Setting,
    amount,
    boolean,
    choice,
    directory,
    integer,
    items,
    symbols,
    text,
    url,
)

TEN_PAIRS = (
    "BTC/USDT,ETH/USDT,BNB/USDT,SOL/USDT,XRP/USDT,ADA/USDT,DOGE/USDT,AVAX/USDT,LINK/USDT,LTC/USDT"
)
TIMEFRAMES = ("1s", "1m", "5m", "15m", "1h", "4h", "1d")

CORE_SETTINGS = (
    Setting("HOST", "127.0.0.1", text, "Address that the web server binds."),
    Setting("PORT", "8000", integer(1, 65535), "Port that the web server binds."),
    Setting("MYSTIC_DATA_DIR", "var", text, "Folder of the database and of generated secrets."),
    Setting(
        "DATABASE_URL", "", text, "`postgres://user:password@host:port/name`; empty is SQLite."
    ),
    Setting(
        "REDIS_URL", "", url("redis", "rediss"), "Redis for several processes; empty is memory."
    ),
    Setting(
        "MYSTIC_SECRET_KEY",
        "",
        text,
        "Signing key; made and kept in the data folder.",
        is_secret=True,
    ),
    Setting("MYSTIC_DEBUG", "false", boolean, "Django's debug pages; never on a shared machine."),
    Setting(
        "MYSTIC_ALLOWED_HOSTS",
        "localhost,127.0.0.1,[::1]",
        items,
        "Host names that may be asked for.",
    ),
    Setting(
        "MYSTIC_BASE_URL",
        "",
        url("http", "https"),
        "Address that alerts link to; empty is HOST and PORT.",
    ),
    Setting(
        "MYSTIC_LOG_LEVEL",
        "INFO",
        choice("DEBUG", "INFO", "WARNING", "ERROR"),
        "Lowest level that is logged.",
    ),
    Setting("MYSTIC_SIGNUP", "true", boolean, "Whether anyone who reaches the page may sign up."),
    Setting("MYSTIC_SYMBOLS", TEN_PAIRS, symbols, "The watch list that is streamed."),
    Setting(
        "MYSTIC_TIMEFRAME",
        "1m",
        choice(*TIMEFRAMES),
        "Timeframe of the bars that are streamed and stored.",
    ),
    Setting(
        "MYSTIC_STRATEGIES_DIR",
        "",
        directory,
        "Folder of strategy classes of your own, followed while Mystic runs; empty is none.",
    ),
    Setting(
        "MYSTIC_DECISION_DAYS",
        "60",
        integer(1, 3650),
        "Days that decisions which asked for nothing are kept.",
    ),
    Setting(
        "MYSTIC_RESEARCH_PROCESSES",
        "0",
        integer(0, 64),
        "Processes that make backtests and sweeps at a time; 0 is the number of cores less one.",
    ),
    Setting(
        "MYSTIC_RESEARCH_MINUTES",
        "60",
        integer(1, 1440),
        "A backtest that takes longer is ended.",
    ),
    Setting(
        "MYSTIC_RESEARCH_MEMORY_MB",
        "4096",
        integer(0, 1_048_576),
        "Memory of each process of research; work that wants more fails. 0 is no bound.",
    ),
    Setting(
        "MYSTIC_RESEARCH_PER_USER",
        "10",
        integer(1, 1000),
        "Backtests and sweeps of one user that may wait or run at a time.",
    ),
    Setting("MYSTIC_HISTORY_DAYS", "30", integer(1, 3650), "Days of bars that are back-filled."),
    Setting(
        "MYSTIC_MAX_QUOTE_AGE_MS",
        "3000",
        integer(100, 60000),
        "A quote older than this never fills an order.",
    ),
    Setting(
        "MYSTIC_PAPER_CURRENCY", "USDT", text, "Currency of the paper account made at sign-up."
    ),
    Setting("MYSTIC_PAPER_BALANCE", "10000", amount, "Opening balance of that account."),
    Setting("EMAIL_HOST", "", text, "SMTP server; empty prints mail to the terminal."),
    Setting("EMAIL_PORT", "587", integer(1, 65535), "SMTP port."),
    Setting("EMAIL_HOST_USER", "", text, "SMTP user."),
    Setting("EMAIL_HOST_PASSWORD", "", text, "SMTP password.", is_secret=True),
    Setting(
        "EMAIL_SECURITY",
        "starttls",
        choice("starttls", "tls", "none"),
        "How the SMTP connection is protected.",
    ),
    Setting("DEFAULT_FROM_EMAIL", "mystic@localhost", text, "Sender of alerts."),
    Setting(
        "TELEGRAM_BOT_TOKEN",
        "",
        text,
        "Token of your bot; empty switches Telegram off.",
        is_secret=True,
    ),
    Setting(
        "TELEGRAM_API_BASE",
        "https://api.telegram.org",
        url("http", "https"),
        "Telegram Bot API base address.",
    ),
)
