"""The modules of Google's published client that hold its messages, without the client around them.

The client would be a quarter of the server's start, and 15 MB. So its package is put off.
"""

from __future__ import annotations

import importlib

from kumotasks.postponed import put_off

_CLIENT = "google.cloud.tasks_v2"

put_off(_CLIENT)
_types = importlib.import_module(f"{_CLIENT}.types")
cloudtasks = _types.cloudtasks
cmek_config = _types.cmek_config
queue = _types.queue
target = _types.target
task = _types.task
