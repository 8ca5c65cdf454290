"""Carries connections from one address to another, or takes them and says nothing.

    relay.py HOST:PORT HOST:PORT     from the first to the second
    relay.py HOST:PORT silence       takes connections, never answers

Prints a line once it listens.
"""

import asyncio
import sys


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


async def carry(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def main(listen, target):
    async def attend(reader, writer):
        if target == "silence":
            await reader.read()
            return
        there = await asyncio.open_connection(*address(target))
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))

    server = await asyncio.start_server(attend, *address(listen))
    print("listening", flush=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
