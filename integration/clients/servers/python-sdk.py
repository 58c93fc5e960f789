"""An MCP server on the official Python SDK, 1.x or 2.x by the environment it runs in; stateless Streamable HTTP at /mcp.

Prints one line "RAN <tool>" per execution.
"""

import socket

import uvicorn

try:
    from mcp.server.mcpserver import MCPServer as Server

    def application(server):
        return server.streamable_http_app(stateless_http=True)
except ImportError:
    from mcp.server.fastmcp import FastMCP as Server

    def application(server):
        server.settings.stateless_http = True
        return server.streamable_http_app()


server = Server("python-sdk")


@server.tool()
def ok(text: str = "") -> str:
    print("RAN ok", flush=True)
    return f"ok: {text}"


@server.tool()
def secret(text: str = "") -> str:
    print("RAN secret", flush=True)
    return f"secret: {text}"


@server.prompt("secret")
def secret_prompt() -> str:
    print("RAN secret", flush=True)
    return "secret"


@server.resource("test://secret")
def secret_resource() -> str:
    print("RAN secret", flush=True)
    return "secret"


listener = socket.create_server(("127.0.0.1", 0))
print(f"listening {listener.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(application(server), log_level="warning")).run(sockets=[listener])
