// What every test needs: a gateway with a guarded route and the page on a site, an upstream behind it, and a browser.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { chromium } from "playwright-core";
import { Child } from "../../clients/lib/process.mjs";
import { folder } from "../../clients/lib/places.mjs";
import { freePort, untilListening } from "../../clients/lib/ports.mjs";

const chromiumPath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const chromiumArgs = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

// startStage runs the built binary: `api` is the admin API on Caddy's admin endpoint, `page` the page, `mcp` the guarded route.
export async function startStage() {
  const home = folder();
  const [admin, page, route, behind] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const upstream = http.createServer((request, response) => {
    request.resume();
    response.setHeader("content-type", "application/json").end('{"jsonrpc":"2.0","id":1,"result":{"content":[]}}');
  });
  await new Promise((resolve) => upstream.listen(behind, "127.0.0.1", resolve));
  const file = path.join(home, "Caddyfile");
  fs.writeFileSync(file, `{
	admin 127.0.0.1:${admin}
	persist_config off
	grace_period 1s
	mcp_token {
		store bbolt ${home}/store/tokens.db
	}
}
http://127.0.0.1:${route} {
	bind 127.0.0.1
	mcp_token {
		name blog
		tool find_models allow
		tool list_* get_* require blog.view_{1}
		tool create_* require blog.add_{1}
		tool delete_* require blog.delete_{1}
	}
	reverse_proxy 127.0.0.1:${behind}
}
http://:${page} {
	bind 127.0.0.1
	mcp_token_admin
}
`);
  const child = new Child(process.env.GATEWAY_BINARY, ["run", "--config", file], {
    env: { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
  });
  await untilListening(page, () => child.running);

  const api = async (method, at, body) => {
    const response = await fetch(`http://127.0.0.1:${admin}/mcp_token${at}`, {
      method,
      headers: { origin: `http://127.0.0.1:${admin}`, ...(body && { "content-type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${at}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  };
  // call sends a tool call through the gateway, as an agent with this secret does.
  const call = async (secret, tool) => {
    const response = await fetch(`http://127.0.0.1:${route}/mcp`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json", accept: "application/json, text/event-stream" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, arguments: {} } }),
    });
    return { status: response.status, text: await response.text() };
  };
  const admins = await api("POST", "/tokens", { name: "admin", permissions: ["mcp_token.*"] });
  return {
    api, call,
    page: `http://127.0.0.1:${page}`,
    pagePort: page,
    adminSecret: admins.secret,
    adminToken: admins.token,
    stop: async () => {
      await child.stop();
      upstream.closeAllConnections();
      await new Promise((resolve) => upstream.close(resolve));
    },
  };
}

export function launch(args = []) {
  return chromium.launch({ executablePath: chromiumPath, args: [...chromiumArgs, ...args] });
}

// visit opens a context whose page fails the test on any script error, refused load or dialog.
export async function visit(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  const page = await context.newPage();
  const wrongs = [];
  page.on("pageerror", (error) => wrongs.push(`script error: ${error.message}`));
  page.on("dialog", (dialog) => (wrongs.push(`a dialog says ${dialog.message()}`), dialog.dismiss()));
  page.on("console", (message) => {
    // The browser itself says so of a 401 or a 412, which are answers like others.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) wrongs.push(message.text());
  });
  return { context, page, wrongs };
}

export async function signIn(page, stage) {
  await page.goto(stage.page + "/");
  await page.getByLabel("Management token").fill(stage.adminSecret);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Tokens", level: 1 }).waitFor();
}
