"""Forwards ports of this machine's loopback into a network namespace: forwarder.py NAMESPACE LISTEN=HOST:PORT ...

A program of its own, with Python's standard library only. Sockets belong to the namespace in which they were made: it
listens first, out here, then enters the namespace, and every connection that it makes from then on is made in there.
"""

import asyncio
import ctypes
import os
import socket
import sys

ADDRESS = "127.0.0.1"
BLOCK = 1 << 16
CLONE_NEWNET = 0x40000000


def enter(namespace: str) -> None:
    """Moves this process into the network namespace that the file `namespace` keeps."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(namespace, os.O_RDONLY)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), namespace)
    os.close(descriptor)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(BLOCK):
            writer.write(block)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


async def _serve(listening: socket.socket, host: str, port: int) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
        finally:
            inner_writer.close()
            writer.close()

    server = await asyncio.start_server(connected, sock=listening)
    await server.serve_forever()


async def _all(ways: list[tuple[socket.socket, str, int]]) -> None:
    await asyncio.gather(*(_serve(listening, host, port) for listening, host, port in ways))


def main(arguments: list[str]) -> None:
    """Listens, enters, forwards until it is ended."""
    namespace, *ways = arguments
    opened = []
    for way in ways:
        listen, _, target = way.partition("=")
        host, _, port = target.rpartition(":")
        opened.append((socket.create_server((ADDRESS, int(listen)), backlog=256), host, int(port)))
    enter(namespace)
    asyncio.run(_all(opened))


if __name__ == "__main__":
    main(sys.argv[1:])
