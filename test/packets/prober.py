"""One host of the packet suite: answers whoever comes, and asks whom it is told to.

Reads one JSON object a line from stdin and writes one answer a line to stdout. Python, because Node has neither raw
sockets (ICMP, and SCTP where the kernel has no such sockets) nor SCTP.

Every message that arrives is answered with "<name of this host> <address it came from>".
"""

import json
import os
import selectors
import socket
import struct
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

SCTP = 132
KINDS = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0), "sctp": (socket.SOCK_STREAM, SCTP)}
NAME, PORTS = sys.argv[1], json.loads(sys.argv[2])


def has_sctp():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, SCTP).close()
        return True
    except OSError:
        return False


HAS_SCTP = has_sctp()


def plain(address):
    return address.removeprefix("::ffff:")


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


# Answering.


def listen(selector, protocol, port):
    if protocol == "sctp":
        # A socket of both families would tell its callers of addresses of both, and NAT changes only one of them.
        listen_on(selector, protocol, socket.AF_INET, "0.0.0.0", port)
    listen_on(selector, protocol, socket.AF_INET6, "::", port)


def listen_on(selector, protocol, family, address, port):
    kind, number = KINDS[protocol]
    server = socket.socket(family, kind, number)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(protocol == "sctp"))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    if kind == socket.SOCK_STREAM:
        server.listen(1024)
        selector.register(server, selectors.EVENT_READ, accept)
    else:
        selector.register(server, selectors.EVENT_READ, answer_datagram)


def accept(selector, server):
    connection, peer = server.accept()
    selector.register(connection, selectors.EVENT_READ, lambda _, it: answer_stream(selector, it, plain(peer[0])))


def answer_stream(selector, connection, peer):
    try:
        if connection.recv(65536):
            connection.sendall(f"{NAME} {peer}\n".encode())
            return
    except OSError:
        pass  # The caller went without a goodbye.
    selector.unregister(connection)
    connection.close()


def answer_datagram(_, server):
    _, peer = server.recvfrom(65536)
    try:
        server.sendto(f"{NAME} {plain(peer[0])}".encode(), peer)
    except OSError:
        pass  # The caller's host refuses answers by now.


def listen_raw_sctp(selector, port):
    for family in (socket.AF_INET, socket.AF_INET6):
        server = socket.socket(family, socket.SOCK_RAW, SCTP)
        selector.register(server, selectors.EVENT_READ, lambda _, it: answer_raw_sctp(it, port))


def answer_raw_sctp(server, port):
    packet, peer = server.recvfrom(65536)
    source, target, chunk, body = read_sctp(packet, server.family)
    if target != port or chunk != 1:
        return
    (tag,) = struct.unpack("!I", body[:4])
    answer = f"{NAME} {plain(peer[0])}".encode()
    server.sendto(sctp_packet(target, source, tag, 2, answer), (peer[0], 0))


# SCTP by hand: one INIT, answered by one INIT ACK whose cookie is the answer (RFC 9260, 3.3.2 and 3.3.3).

CRC_TABLE = []
for byte in range(256):
    crc = byte
    for _ in range(8):
        crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    CRC_TABLE.append(crc)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def sctp_packet(source, target, tag, chunk, cookie=b""):
    parameter = b""
    if cookie:
        parameter = struct.pack("!HH", 7, 4 + len(cookie)) + cookie
        parameter += b"\0" * (-len(parameter) % 4)
    body = struct.pack("!IIHHI", 0x1234, 65536, 1, 1, 1) + parameter
    header = struct.pack("!HHI", source, target, tag)
    rest = struct.pack("!BBH", chunk, 0, 4 + len(body)) + body
    return header + struct.pack("<I", crc32c(header + b"\0\0\0\0" + rest)) + rest


def read_sctp(packet, family):
    if family == socket.AF_INET:
        packet = packet[(packet[0] & 15) * 4 :]
    source, target = struct.unpack("!HH", packet[:4])
    return source, target, packet[12], packet[16:]


# IP_RECVERR and IPV6_RECVERR, which Python has no names for.
RECEIVE_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}

# Asking. An answer is the text that came back, "refused", or "" when nothing came.


def connect(protocol, address, port, timeout, source_port=0):
    kind, number = KINDS[protocol]
    caller = socket.socket(family_of(address), kind, number)
    caller.settimeout(timeout)
    # A port of its own for each: the kernel may use one for several destinations, which IPVS would lead to one endpoint.
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if protocol == "sctp":
        # Without it the kernel keeps to itself that it was refused by ICMP.
        caller.setsockopt(*RECEIVE_ERRORS[caller.family], 1)
    # SCTP that is not bound tells the other side all addresses of this host, which no NAT follows.
    source = source_towards(address, port) if protocol == "sctp" else ""
    caller.bind((source, source_port or next_port()))
    caller.connect((address, port))
    return caller


def source_towards(address, port):
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as sounding:
        sounding.connect((address, port))
        return sounding.getsockname()[0]


def say(caller):
    try:
        send(caller, b"?\n")
        return caller.recv(65536).decode().strip()
    except TimeoutError:
        return ""
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "reset"
    except OSError as error:
        return f"error {error.strerror}"


def send(caller, data):
    """A packet that a rule of this very host stops is an error of send, whether it was refused or dropped: what follows tells."""
    try:
        caller.send(data)
    except PermissionError:
        pass


def ask(protocol, address, port, timeout):
    if protocol == "ping":
        return ask_ping(address, timeout)
    if protocol == "sctp" and not HAS_SCTP:
        return ask_raw_sctp(address, port, timeout)
    try:
        with connect(protocol, address, port, timeout) as caller:
            return say(caller)
    except TimeoutError:
        return ""
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return f"error {error.strerror}"


counter_lock = threading.Lock()
counter = int(time.time() * 1000) % 20000


def next_port():
    global counter
    with counter_lock:
        counter = (counter + 1) % 20000
        return 10000 + counter  # Below node ports, and below those that the kernel gives out.


def ask_raw_sctp(address, port, timeout):
    source = next_port()
    deadline = time.monotonic() + timeout
    with socket.socket(family_of(address), socket.SOCK_RAW, SCTP) as caller:
        try:
            caller.setsockopt(*RECEIVE_ERRORS[caller.family], 1)
            caller.connect((address, 0))
            send(caller, sctp_packet(source, port, 0, 1))
            while (left := deadline - time.monotonic()) > 0:
                caller.settimeout(left)
                try:
                    _, target, chunk, body = read_sctp(caller.recv(65536), caller.family)
                except ConnectionRefusedError:
                    if is_refusal_of(caller, source):
                        return "refused"
                    continue
                if target == source and chunk == 2:
                    (length,) = struct.unpack("!H", body[18:20])
                    return body[20 : 16 + length].decode()
        except TimeoutError:
            return ""
        except OSError as error:
            return f"error {error.strerror}"
    return ""


def is_refusal_of(caller, source):
    """A raw socket hears of refusals for every port of its address: the packet that comes with them tells whose they are."""
    caller.setblocking(False)
    try:
        while True:
            packet, _, _, _ = caller.recvmsg(512, 512, socket.MSG_ERRQUEUE)
            if struct.unpack("!H", packet[:2])[0] == source:
                return True
    except BlockingIOError:
        return False


def ask_ping(address, timeout):
    is_six = ":" in address
    number, request, reply = (58, 128, 129) if is_six else (1, 8, 0)
    ident = next_port()
    deadline = time.monotonic() + timeout
    # The kernel fills it in for ICMPv6.
    checksum = 0 if is_six else (((request << 8) + ident + 1) % 0xFFFF) ^ 0xFFFF
    with socket.socket(family_of(address), socket.SOCK_RAW, number) as caller:
        try:
            caller.connect((address, 0))
            caller.send(struct.pack("!BBHHH", request, 0, checksum, ident, 1))
            while (left := deadline - time.monotonic()) > 0:
                caller.settimeout(left)
                packet = caller.recv(65536)
                packet = packet if is_six else packet[(packet[0] & 15) * 4 :]
                kind, _, _, ident_back = struct.unpack("!BBHH", packet[:6])
                if kind == reply and ident_back == ident:
                    return "pong"
        except TimeoutError:
            return ""
        except OSError:
            return "refused"
    return ""


# Commands.

kept = {}


def open_connection(request):
    protocol, address, port = request["to"]
    try:
        kept[request["id"]] = connect(protocol, address, port, request["timeout"], request.get("sourcePort", 0))
        return say(kept[request["id"]])
    except TimeoutError:
        return ""
    except OSError as error:
        return f"error {error.strerror}"


def close_connection(request):
    kept.pop(request["connection"]).close()
    return ""


def perform(request):
    if request["do"] == "ask":
        asks, timeout = request["asks"], request["timeout"]
        return list(pool.map(lambda one: ask(*one, timeout), asks))
    if request["do"] == "open":
        return open_connection(request)
    if request["do"] == "say":
        return say(kept[request["connection"]])
    return close_connection(request)


def serve(request):
    try:
        result = {"id": request["id"], "result": perform(request)}
    except Exception as error:  # Whatever went wrong belongs to the one who asked.
        result = {"id": request["id"], "error": repr(error)}
    with output_lock:
        print(json.dumps(result), flush=True)


def answer_forever():
    selector = selectors.DefaultSelector()
    for protocol, port in PORTS.items():
        if protocol == "sctp" and not HAS_SCTP:
            listen_raw_sctp(selector, port)
        else:
            listen(selector, protocol, port)
    ready.set()
    while True:
        for key, _ in selector.select():
            key.data(selector, key.fileobj)


ready = threading.Event()
output_lock = threading.Lock()
pool = ThreadPoolExecutor(int(sys.argv[3]))
threading.Thread(target=answer_forever, daemon=True).start()
ready.wait()
print(json.dumps({"id": 0, "result": {"sctp": HAS_SCTP}}), flush=True)
for line in sys.stdin:
    threading.Thread(target=serve, args=(json.loads(line),), daemon=True).start()
os._exit(0)
