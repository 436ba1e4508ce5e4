"""`tls_terminator.py FD CERTIFICATE KEY PORT`: takes TLS off what comes to a listening socket, passes it on to PORT.

A process of its own: whatever is under way when a test ends goes with it, and nothing is left to close.
"""

import asyncio
import socket
import ssl
import sys
from contextlib import suppress

HOST = "127.0.0.1"
READ = 65_536


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side ends, or is gone."""
    try:
        with suppress(OSError):
            while data := await reader.read(READ):
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()


async def terminate(listening: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """Until the process is ended."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind_reader, behind_writer = await asyncio.open_connection(HOST, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, behind_writer), pump(behind_reader, writer))

    server = await asyncio.start_server(accept, sock=listening, ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    number, certificate, key, behind = sys.argv[1:]
    identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    identity.load_cert_chain(certificate, key)
    asyncio.run(terminate(socket.socket(fileno=int(number)), identity, int(behind)))
