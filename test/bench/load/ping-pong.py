# One byte to and fro over one TCP connection: `serve PORT`, or `ask ADDRESS PORT SECONDS`, which prints the median and the
# 99th percentile of the time there and back in microseconds. In Python, as its sockets cost less than what is measured.
import socket
import sys
import time


def prepare(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


if sys.argv[1] == 'serve':
    server = socket.create_server(('', int(sys.argv[2])))
    sys.stdout.write('listening\n')
    sys.stdout.flush()
    while True:
        connection = prepare(server.accept()[0])
        while connection.recv(1):
            connection.send(b'x')
else:
    address, port, seconds = sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    connection = prepare(socket.create_connection((address, port)))
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter_ns()
        connection.send(b'x')
        connection.recv(1)
        times.append(time.perf_counter_ns() - start)
    times.sort()
    print(times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000)
