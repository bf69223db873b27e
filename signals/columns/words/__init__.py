"""The words of the language by topic: what an author writes, and the kernels that calculate it.

A module holds a mixin of `Column` (words on one series of values) or of `Space` (words on bars) and
`KERNELS`, its operators by name; `signals.columns.kernels` joins them.
"""
