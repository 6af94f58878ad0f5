"""gunicorn's own config: its master reads the logging config again on SIGHUP, where it is the one that installed it.

Without --preload there is nothing to do: the workers that replace the old ones read it when they start.
"""

import sys

wsgi_app = "app:app"
workers = 4


def on_reload(server):
    if "shop_core" in sys.modules:
        sys.modules["shop_core"].reload()
