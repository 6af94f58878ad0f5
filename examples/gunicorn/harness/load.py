"""The load: a process of its own that asks the service without pause, and writes down what was answered.

    load.py PORT SEED CLIENTS OUTPUT

It ends when its standard input does. No request is sent twice. Each line of the output is one request:

    KIND ID RECORDS SENT PROCESS      KIND: order or python; SENT: seconds since 1970; PROCESS: who answered, or 0

A request that was answered otherwise than with its own id is written with the answer behind it: a fault.
"""

import hashlib
import json
import random
import socket
import sys
import threading
import time

# Longer than any answer takes, so that a service that hangs is told from one that is slow.
PATIENCE_S = 25


def payload(request):
    """What a request carries: different for each, and to be found again whole in its lines."""
    digest = hashlib.sha256(request.encode()).hexdigest()
    return digest * (1 + int(digest[0], 16) // 4)


def ask(port, path):
    """The whole answer, or None if the connection broke before its end."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            while part := connection.recv(65536):
                answer += part
    except TimeoutError:
        return b"hung"
    except OSError:
        return None
    head, _, body = answer.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return answer if len(body) == int(value) else None
    return None


def process_of(answer, request):
    """Who gave the right answer to a request; 0 if nobody did, -1 if the answer is a wrong one."""
    if answer is None:
        return 0
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        return -1
    said = json.loads(body)
    return said["process"] if said["request"] == request else -1


def client(number, port, seed, output, stop):
    rng = random.Random(f"{seed} {number}")
    count = 0
    while not stop.is_set():
        count += 1
        request = f"{number}-{count}"
        kind = "python" if rng.random() < 0.02 else "order"
        records = rng.choice([1, 1, 1, 2, 3, 8, 8, 200]) if kind == "order" else 1
        path = f"/{kind}?id={request}&records={records}&payload={payload(request)}"
        sent = time.time()
        answer = ask(port, path)
        process = process_of(answer, request)
        line = f"{kind} {request} {records} {sent:.3f} {process}"
        # One write a line: the clients share the file.
        output.write(line + (f" {answer[:200]!r}\n" if process < 0 else "\n"))
        if process == 0:
            # Nobody is there for a moment, or the connection was in a worker that was killed.
            stop.wait(0.01)


def main():
    port, seed, clients, path = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    stop = threading.Event()
    with open(path, "w", encoding="utf-8", buffering=1) as output:
        threads = [threading.Thread(target=client, args=(n, port, seed, output, stop)) for n in range(1, clients + 1)]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        stop.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
