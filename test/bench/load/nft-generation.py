"""Prints the generation of nftables' rules in this network namespace: every transaction, also an empty one, raises it."""

import socket
import struct

NETLINK_NETFILTER = 12
NFT_MSG_GETGEN = (10 << 8) | 16
NLM_F_REQUEST = 1
NFTA_GEN_ID = 1

link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
link.send(struct.pack("=IHHIIBBH", 20, NFT_MSG_GETGEN, NLM_F_REQUEST, 1, 0, 0, 0, 0))
answer = link.recv(4096)
position = 20
while position < len(answer):
    length, kind = struct.unpack_from("=HH", answer, position)
    if kind == NFTA_GEN_ID:
        print(struct.unpack_from(">I", answer, position + 4)[0])
        break
    position += (length + 3) & ~3
