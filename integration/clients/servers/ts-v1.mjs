// An MCP server on the TypeScript SDK 1.x: `raw` gives the SDK the request as it came, `express` puts express.json() in
// front, as most servers in the field do. Prints one line "RAN <tool>" per
// execution; a prompt and a resource are called `secret` too.
import http from "node:http";
import express from "express";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

function serverWithTools() {
  const server = new McpServer({ name: "ts-v1", version: "1.0.0" });
  for (const name of ["ok", "secret"]) {
    server.registerTool(name, { description: name, inputSchema: { text: z.string().optional() } }, ({ text }) => {
      console.log(`RAN ${name}`);
      return { content: [{ type: "text", text: `${name}: ${text ?? ""}` }] };
    });
  }
  server.registerPrompt("secret", {}, () => {
    console.log("RAN secret");
    return { messages: [{ role: "user", content: { type: "text", text: "secret" } }] };
  });
  server.registerResource("secret", "test://secret", {}, (uri) => {
    console.log("RAN secret");
    return { contents: [{ uri: uri.href, text: "secret" }] };
  });
  return server;
}

// A transport of its own per request, the stateless form: no message of the corpus depends on the one before it.
async function serve(request, response, body) {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.once("close", () => transport.close());
  await serverWithTools().connect(transport);
  await transport.handleRequest(request, response, body);
}

const handler =
  process.argv[2] === "express"
    ? express()
        .use(express.json())
        .use((request, response) => serve(request, response, request.body))
    : (request, response) => serve(request, response);
const server = http.createServer(handler);
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
