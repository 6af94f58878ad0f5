"""What CPython 3.13 says to the arguments of classes that logtree does not have, one JSON object a line:

    python3.13 absent.py > absent.jsonl

Each line is a handler and the exceptions of dictConfig, outermost first; none where it is accepted.
"""

import copy
import itertools
import json
import logging.config
import socket

# Names are looked up, and sockets connected, when a config is applied: what comes of that is not asked here.
look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest: look_up("127.0.0.1" if isinstance(host, str) else host, *rest)
socket.socket.connect = lambda *address: None

ADDRESSES = [
    "/dev/log", "", None, 5, 1.5, True, [], ["h"], ["h", 514], ["h", 514, 0], {}, {"a": 1, "b": 2, "c": 3}, {"a": 1},
    [5, 514], [None, 514], [[], 514], ["h", None], ["h", 1.5], ["h", []], ["h", "514"], ["h", True], [5, 1.5],
]
TYPES = [None, 1, 2, True, "x", 1.5, [], {}, "ext://socket.SOCK_STREAM", "ext://socket.SOCK_DGRAM"]
METHODS = ["GET", "post", "Put", "", None, 5, True, [], {}, "poſt", "ext://logging.INFO"]

MADE = [("SocketHandler", {"host": host, "port": port}) for host in (None, "h", 5) for port in (None, "x", 9020)]
MADE += [("DatagramHandler", {"host": "h", "port": port}) for port in (None, [], 9021)]
MADE += [("SysLogHandler", {"address": address}) for address in ADDRESSES]
MADE += [("SysLogHandler", {"address": address, "socktype": type}) for address in ("/dev/log", ["h", 514], [5, 1.5], 5) for type in TYPES]
MADE += [("SysLogHandler", {"facility": facility}) for facility in (None, 3, "local0", "nope", [], True)]
MADE += [("SMTPHandler", {"mailhost": host, "fromaddr": "a", "toaddrs": ["b"], "subject": "s"}) for host in ADDRESSES]
MADE += [
    ("SMTPHandler", {"mailhost": "h", "fromaddr": 5, "toaddrs": to, "subject": None, "credentials": credentials, "secure": secure})
    for to, credentials, secure in itertools.product(("b", None), (None, "u", [], ["u"], ["u", "p"], ["u", "p", "x"], {}), (None, []))
]
MADE += [("HTTPHandler", {"host": "h", "url": "/", "method": method}) for method in METHODS]
MADE += [
    ("HTTPHandler", {"host": "h", "url": 5, "secure": secure, "context": context, "credentials": "x"})
    for secure, context in itertools.product((True, False, None, 0, "no", []), (None, False, "x"))
]
MADE += [("HTTPHandler", {"host": "h", "url": "/", "method": "PUT", "context": "x"})]
MADE += [("BufferingHandler", {"capacity": capacity}) for capacity in (10, None, "x")]
MADE += [(name, {"bogus": 1}) for name in ("SocketHandler", "SysLogHandler", "SMTPHandler", "HTTPHandler", "BufferingHandler")]
MADE += [(name, {}) for name in ("SocketHandler", "SysLogHandler", "SMTPHandler", "HTTPHandler", "BufferingHandler", "NTEventLogHandler")]
MADE += [("SysLogHandler", {"timeout": 5}), ("SysLogHandler", {"stream": "x"}), ("HTTPHandler", {"host": "h", "url": "/", "stream": None})]


def chain(error):
    """The exceptions that caused it, it first."""
    while error is not None:
        yield f"{type(error).__name__}: {error}"
        error = error.__cause__


for name, arguments in MADE:
    handler = {"class": f"logging.handlers.{name}", **arguments}
    try:
        logging.config.dictConfig({"version": 1, "handlers": {"h": copy.deepcopy(handler)}})
        said = []
    except Exception as error:
        said = list(chain(error))
    print(json.dumps({"handler": handler, "cpython": said}))
