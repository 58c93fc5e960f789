import fs from "node:fs";
import path from "node:path";
import { Child } from "./process.mjs";
import { freePort, untilListening } from "./ports.mjs";
import { built, folder } from "./places.mjs";

const binary = process.env.GATEWAY_BINARY ?? path.join(built, "gateway");

// startGateway runs the built binary with one site per entry of `sites`: name → {upstream: port, guard: Caddyfile lines}.
// Every site takes any Host, as a gateway behind another name does; Host and Origin are then the directive's concern.
export async function startGateway(sites) {
  const home = folder();
  const admin = await freePort();
  const ports = {};
  for (const name of Object.keys(sites)) ports[name] = await freePort();
  const file = path.join(home, "Caddyfile");
  fs.writeFileSync(file, caddyfile({ admin, ports, sites, store: path.join(home, "store", "tokens.db") }));

  const child = new Child(binary, ["run", "--config", file], {
    env: { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
  });
  for (const port of Object.values(ports))
    await untilListening(port, () => child.running).catch((error) => explain(error, child));
  const api = `http://127.0.0.1:${admin}/mcp_token`;

  return {
    child,
    ports,
    url: (name, at = "/mcp") => `http://127.0.0.1:${ports[name]}${at}`,
    // newToken creates a token through the admin API and gives its record and its secret.
    newToken: (permissions, more = {}) =>
      ask(api, "POST", "/tokens", { name: `t${Date.now()}-${Math.random()}`, permissions, ...more }),
    ask: (method, at, body) => ask(api, method, at, body),
    stop: () => child.stop(),
  };
}

function caddyfile({ admin, ports, sites, store }) {
  const blocks = Object.entries(sites).map(([name, { upstream, guard }]) => {
    const lines = guard
      .trim()
      .split("\n")
      .map((line) => `\t${line}`);
    return [
      `http://:${ports[name]} {`,
      "\tbind 127.0.0.1",
      ...lines,
      `\treverse_proxy 127.0.0.1:${upstream} {`,
      "\t\theader_up Host {upstream_hostport}",
      "\t}",
      "}",
    ].join("\n");
  });
  const global = [
    "{",
    `\tadmin 127.0.0.1:${admin}`,
    "\tpersist_config off",
    "\tgrace_period 1s",
    "\tmcp_token {",
    `\t\tstore bbolt ${store}`,
    "\t}",
    "}",
  ];
  return [global.join("\n"), ...blocks, ""].join("\n\n");
}

// The admin API may answer 503 until the first configuration is active.
// fetch marks its requests as a browser's (Sec-Fetch-Mode), and of those Caddy's admin endpoint wants to know the origin.
async function ask(api, method, at, body) {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(api + at, {
      method,
      headers: { origin: new URL(api).origin, ...(body && { "content-type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (response.status === 503 && attempt < 50) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      continue;
    }
    if (!response.ok) throw new Error(`${method} ${at}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
}

function explain(error, child) {
  throw new Error(`${error.message}; the gateway printed:\n${child.output}`);
}
