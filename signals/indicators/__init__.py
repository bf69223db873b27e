"""Technical indicators on arrays: one a file, each with a state that takes bars as they close.

The function gives the whole series; the state gives the same numbers, to the bit, however the
series is cut into pieces. A value before its first full window is NaN.
"""
