// An MCP server on the TypeScript SDK 2.x, both protocol eras on one path. Prints one line "RAN <tool>" per execution;
// the tool `announce` says to every open subscription that the list of tools has changed.
import http from "node:http";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { z } from "zod";

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: "ts-v2", version: "1.0.0" }, { capabilities: { tools: { listChanged: true } } });
  const tool = (name, run) =>
    server.registerTool(name, { description: name, inputSchema: z.object({ text: z.string().optional() }) }, run);
  const answer = (name, text) => {
    console.log(`RAN ${name}`);
    return { content: [{ type: "text", text: `${name}: ${text ?? ""}` }] };
  };
  tool("ok", ({ text }) => answer("ok", text));
  tool("secret", ({ text }) => answer("secret", text));
  tool("announce", () => (handler.notify.toolsChanged(), answer("announce")));
  server.registerPrompt("secret", {}, () => {
    console.log("RAN secret");
    return { messages: [{ role: "user", content: { type: "text", text: "secret" } }] };
  });
  server.registerResource("secret", "test://secret", {}, (uri) => {
    console.log("RAN secret");
    return { contents: [{ uri: uri.href, text: "secret" }] };
  });
  return server;
});

const server = http.createServer(toNodeHandler(handler));
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
