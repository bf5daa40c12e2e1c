"""Opens TCP connections to each of some addresses in turn and prints, as JSON, how many microseconds each took to be
established: one list an address. Usage: connect-times.py ROUNDS ADDRESS:PORT...

Python, because Node's event loop takes longer than the packets do.
"""

import json
import socket
import struct
import sys
import time

rounds = int(sys.argv[1])
targets = [(word.rsplit(":", 1)[0], int(word.rsplit(":", 1)[1])) for word in sys.argv[2:]]
times = [[] for _ in targets]

for _ in range(rounds):
    for target, measured in zip(targets, times):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            # A reset leaves no TIME_WAIT behind, so that ports never run out.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.settimeout(None)
            started = time.perf_counter_ns()
            connection.connect(target)
            measured.append((time.perf_counter_ns() - started) / 1000)
            connection.recv(1)

print(json.dumps(times))
