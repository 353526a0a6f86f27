"""The settings of a server: their values, how they are written, where they come from, and what does not fit.

Nothing that runs is known here.
"""

from kumotasks.settings.fitting import check, flaws
from kumotasks.settings.sources import gather, names, overridden
from kumotasks.settings.values import Settings, SettingsError, is_loopback
from kumotasks.settings.writing import coerced, duration, is_of_tables, size

__all__ = [
    "Settings",
    "SettingsError",
    "check",
    "coerced",
    "duration",
    "flaws",
    "gather",
    "is_loopback",
    "is_of_tables",
    "names",
    "overridden",
    "size",
]
