import path from "node:path";
import { Child } from "./process.mjs";
import { freePort, untilListening } from "./ports.mjs";
import { built, here, installed, python } from "./places.mjs";

// A server that prints the port it chose.
async function announced(command, args) {
  const child = new Child(command, args);
  const [, port] = await child.untilPrinted(/listening (\d+)/);
  return upstream(child, Number(port));
}

// A server that must be told its port.
async function told(command, args, options) {
  const port = await freePort();
  const child = new Child(command, args(port), options?.(port));
  await untilListening(port, () => child.running);
  return upstream(child, port);
}

function upstream(child, port) {
  return {
    port,
    child,
    // executions counts how often a tool of ours has run.
    executions: (tool) => child.output.split("\n").filter((line) => line === `RAN ${tool}`).length,
    stop: () => child.stop(),
  };
}

export const upstreams = {
  // Legacy era, sessions, resumable SSE; path /mcp.
  everything: () =>
    told(
      process.execPath,
      () => [
        "--require",
        here("servers", "loopback.cjs"),
        installed("@modelcontextprotocol/server-everything/dist/index.js"),
        "streamableHttp",
      ],
      (port) => ({ env: { PORT: String(port) } }),
    ),
  // The go-sdk server that conformance is run against; with sessions it is of the legacy era, without it speaks both. Any path.
  goSessions: () =>
    told(path.join(built, "everything-server"), (port) => ["-http", `127.0.0.1:${port}`, "-stateless=false"]),
  goStateless: () => told(path.join(built, "everything-server"), (port) => ["-http", `127.0.0.1:${port}`]),
  // Servers with the two tools `ok` and `secret`.
  tsV1Raw: () => announced(process.execPath, [here("servers", "ts-v1.mjs"), "raw"]),
  tsV1Express: () => announced(process.execPath, [here("servers", "ts-v1.mjs"), "express"]),
  tsV2: () => announced(process.execPath, [here("servers", "ts-v2.mjs")]),
  pythonJSON: () => announced(python(2), [here("servers", "python-json.py"), "json"]),
  pythonPydantic: () => announced(python(2), [here("servers", "python-json.py"), "pydantic"]),
  pythonV1: () => announced(python(1), [here("servers", "python-sdk.py")]),
  pythonV2: () => announced(python(2), [here("servers", "python-sdk.py")]),
};
