"""The composition root: settings are opened here and nowhere else, and everything gets what it needs by constructor."""
