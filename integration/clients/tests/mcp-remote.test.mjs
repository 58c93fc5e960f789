import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { folder, installed } from "../lib/places.mjs";
import { finish } from "../lib/process.mjs";
import { text } from "../lib/sdk-clients.mjs";
import { badSecrets, setStage } from "../lib/stage.mjs";

const proxy = installed("mcp-remote/dist/proxy.js");
const environment = (home) => ({ ...process.env, HOME: home, MCP_REMOTE_CONFIG_DIR: home, BROWSER: "/bin/false" });

describe("mcp-remote with --header", () => {
  let stage;
  before(async () => {
    stage = await setStage(
      "everything",
      "mcp_token {\n\trequire suite.use\n\ttool echo allow\n\ttool get-sum require suite.more\n}",
    );
  });
  after(() => stage?.stop());

  const line = (secret) => [
    proxy,
    stage.url,
    "--header",
    `Authorization: Bearer ${secret}`,
    "--transport",
    "http-only",
    "--auth-timeout",
    "60",
  ];

  async function connected(secret, run) {
    const client = new Client({ name: "suite", version: "1.0.0" });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: line(secret),
        env: environment(folder()),
        stderr: "ignore",
      }),
    );
    try {
      await run(client);
    } finally {
      await client.close();
    }
  }

  test("it lists the tools the token may call, is told what a denied call lacks, and goes on", async () => {
    const { secret } = await stage.gateway.newToken(["suite.use"]);
    await connected(secret, async (client) => {
      assert.deepEqual(
        (await client.listTools()).tools.map(({ name }) => name),
        ["echo"],
      );
      assert.match(text(await client.callTool({ name: "echo", arguments: { message: "one" } })), /one/);
      await assert.rejects(client.callTool({ name: "get-sum", arguments: { a: 1, b: 2 } }), /suite\.more/);
      assert.match(text(await client.callTool({ name: "echo", arguments: { message: "two" } })), /two/);
    });
    assert.ok(stage.front.oauth().length > 0);
    assert.deepEqual(stage.back.oauth(), [], "an OAuth look-up reached the upstream");
  });

  // It always has an OAuth provider of its own and looks for discovery documents whatever it is told; what counts is that
  // it ends well before its wait for a browser (60 s), with our words, and that nothing of this reaches the upstream.
  test("a bad token ends it at once with our words, and its OAuth look-ups never reach the upstream", async () => {
    for (const [what, bad] of await badSecrets(stage.gateway)) {
      stage.clear();
      const start = performance.now();
      const { code, output } = await finish(process.execPath, line(bad), {
        env: environment(folder()),
        milliseconds: 50_000,
      });
      assert.equal(code, 1, `${what}: ${output}`);
      assert.match(output, /bearer token/i, what);
      assert.ok(performance.now() - start < 25_000, `${what}: took ${Math.round(performance.now() - start)} ms`);
      assert.deepEqual(stage.back.seen, [], `${what} reached the upstream`);
    }
  });
});
