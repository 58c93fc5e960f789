"""A client on the official Python SDK, 1.x or 2.x by the environment it runs in. Usage: URL MODE; the token is in $TOKEN.

It lists tools, calls `ok`, then `secret`, then `ok` again, and prints what each step gave as one JSON object per line.
MODE is "legacy", "auto" or a protocol version; 1.x knows only the legacy era.
"""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

url, mode = sys.argv[1:]
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"} if os.environ["TOKEN"] else {}


@asynccontextmanager
async def connected():
    try:
        import httpx2
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client
    except ImportError:
        import httpx
        from mcp import ClientSession
        from mcp.client.streamable_http import streamable_http_client

        async with httpx.AsyncClient(headers=headers) as http:
            async with streamable_http_client(url, http_client=http) as (read, write, _):
                async with ClientSession(read, write) as session:
                    await session.initialize()
                    yield session
    else:
        async with httpx2.AsyncClient(headers=headers) as http:
            async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
                yield client


def say(step, **what):
    print(json.dumps({"step": step, **what}), flush=True)


def leaves(error):
    """The exceptions inside an exception group, which is what anyio wraps everything in."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


async def call(session, name):
    try:
        result = await asyncio.wait_for(session.call_tool(name, {}), 5)
    except Exception as error:
        say(name, error="; ".join(map(str, leaves(error))))
    else:
        say(name, text=result.content[0].text)


async def main():
    async with connected() as session:
        say("tools", names=[tool.name for tool in (await session.list_tools()).tools])
        for name in ("ok", "secret", "ok"):
            await call(session, name)


try:
    asyncio.run(asyncio.wait_for(main(), 15))
except BaseException as error:
    say("failed", error="; ".join(f"{type(leaf).__name__}: {leaf}" for leaf in leaves(error)))
    sys.exit(1)
