"""The Flask service: what a team has that moved the core of its work to Rust and kept the rest.

Imported once by a preloading master, else by each worker. The core logs through logtree, Flask and gunicorn through Python.
"""

import logging
import os

import shop_core
from flask import Flask, request

shop_core.init(os.environ["SHOP_LOGGING"])

app = Flask(__name__)


@app.get("/order")
def order():
    shop_core.handle(request.args["id"], int(request.args["records"]), request.args["payload"])
    return {"request": request.args["id"], "process": os.getpid()}


@app.get("/python")
def python():
    """Logs as Python does, to see that this is as it was."""
    logging.getLogger("shop.python").error("Python's own record of request %s", request.args["id"])
    return {"request": request.args["id"], "process": os.getpid()}
