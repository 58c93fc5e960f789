import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from "@modelcontextprotocol/client";

const identity = { name: "suite", version: "1.0.0" };
const headers = (secret) => ({ requestInit: { headers: secret ? { Authorization: `Bearer ${secret}` } : {} } });

// A connected client of either SDK behind one face. `received` grows with every notification; `nonFatal` holds the errors
// the SDK reports beside its calls.
async function connect(client, transport) {
  const received = [];
  const waiting = new Set();
  client.fallbackNotificationHandler = async (notification) => {
    received.push(notification);
    for (const check of waiting) check();
  };
  const nonFatal = [];
  client.onerror = (error) => nonFatal.push(error);
  await client.connect(transport);
  return {
    client,
    transport,
    received,
    nonFatal,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, args = {}, options) =>
      client.callTool({ name, arguments: args }, ...(client instanceof ClientV1 ? [undefined, options] : [options])),
    until: (method, milliseconds = 10_000) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = received.find((notification) => notification.method === method);
          if (!found) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve(found);
        };
        const timer = setTimeout(
          () => reject(new Error(`no ${method} in ${milliseconds} ms, only: ${received.map(({ method }) => method)}`)),
          milliseconds,
        );
        waiting.add(check);
        check();
      }),
    close: () => client.close(),
  };
}

function v2(mode) {
  return (url, secret) =>
    connect(new ClientV2(identity, { versionNegotiation: { mode } }), new TransportV2(new URL(url), headers(secret)));
}

export const v1 = (url, secret) => connect(new ClientV1(identity), new TransportV1(new URL(url), headers(secret)));
export const v2Legacy = v2("legacy");
export const v2Modern = v2({ pin: "2026-07-28" });
export const v2Auto = v2("auto");

export const text = (result) => result.content.map((part) => part.text ?? `<${part.type}>`).join("\n");
