"""Every word on one column, as the tests of averages, statistics, changes and memory share it."""


def above(x):
    return x.close > x.close.sma(5)


AVERAGES = {
    "sma": lambda x: x.close.sma(9),
    "ema": lambda x: x.close.ema(9),
    "rma": lambda x: x.close.rma(5),
    "wma": lambda x: x.close.wma(9),
    "hma": lambda x: x.close.hma(9),
    "dema": lambda x: x.close.dema(5),
    "tema": lambda x: x.close.tema(4),
    "trima even": lambda x: x.close.trima(8),
    "trima odd": lambda x: x.close.trima(9),
    "kama": lambda x: x.close.kama(5, 2, 6),
    "macd line": lambda x: x.close.macd(3, 8, 4).line,
    "macd signal": lambda x: x.close.macd(3, 8, 4).signal,
    "macd histogram": lambda x: x.close.macd(8, 3, 4).histogram,
    "bollinger upper": lambda x: x.close.bollinger(9, 2.5).upper,
    "bollinger middle": lambda x: x.close.bollinger(9, 2.5).middle,
    "bollinger lower": lambda x: x.close.bollinger(9, 2.5).lower,
    "vwma": lambda x: x.close.vwma(x.volume, 9),
}
STATISTICS = {
    "total": lambda x: x.volume.total(9),
    "variance": lambda x: x.close.variance(9),
    "stdev": lambda x: x.close.stdev(9),
    "zscore": lambda x: x.close.zscore(9),
    "median": lambda x: x.close.median(8),
    "quantile": lambda x: x.close.quantile(9, 0.3),
    "percent_rank": lambda x: x.close.percent_rank(9),
    "slope": lambda x: x.close.slope(9),
    "linreg": lambda x: x.close.linreg(9),
    "skew": lambda x: x.close.skew(9),
    "correlation": lambda x: x.close.correlation(x.volume, 9),
    "beta": lambda x: x.close.roc(1).beta(x.open.roc(1), 9),
}
CHANGES = {
    "change": lambda x: x.close.change(3),
    "roc": lambda x: x.close.roc(3),
    "log_return": lambda x: x.close.log_return(3),
    "log": lambda x: x.volume.log(),
    "exp": lambda x: x.close.roc(1).exp(),
    "sqrt": lambda x: x.close.change(1).sqrt(),
    "power": lambda x: x.close.power(0.3),
    "sign": lambda x: x.close.change(1).sign(),
}
MEMORY = {
    "any_of_last": lambda x: above(x).any_of_last(3),
    "all_of_last": lambda x: above(x).all_of_last(3),
    "count_true": lambda x: above(x).count_true(7),
    "bars_since": lambda x: above(x).bars_since(within=6),
    "value_when": lambda x: x.close.value_when(above(x), within=4),
    "highest_age": lambda x: x.high.highest_age(7),
    "lowest_age": lambda x: x.low.lowest_age(7),
    "rising": lambda x: x.close.rising(2),
    "falling": lambda x: x.close.falling(2),
    "between": lambda x: x.close.between(x.close.sma(5), x.high.lag(1)),
    "crossed": lambda x: x.close.crossed(x.close.ema(5)),
    "then": lambda x: above(x).then(x.low, x.high),
}
TOPICS = {
    "averages": AVERAGES,
    "statistics": STATISTICS,
    "changes": CHANGES,
    "memory": MEMORY,
}
WORDS = {name: word for topic in TOPICS.values() for name, word in topic.items()}
