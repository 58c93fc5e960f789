import assert from "node:assert/strict";
import { test } from "node:test";
import { corpus } from "../lib/corpus.mjs";
import { startGateway } from "../lib/gateway.mjs";
import { post } from "../lib/raw.mjs";
import { upstreams } from "../lib/upstreams.mjs";

// Each of them in turn; a server that crashed on one would not answer the next.
async function replay(port, extraHeaders) {
  const answers = new Map();
  for (const { name, headers, bytes } of corpus) {
    const answer = await post(port, "/mcp", [...extraHeaders, ...headers], bytes);
    answers.set(name, { ...answer, ranOK: answer.body.includes("ok: ") });
  }
  return answers;
}

const servers = {
  "TypeScript SDK 1": "tsV1Raw",
  "TypeScript SDK 1 behind express.json()": "tsV1Express",
  "TypeScript SDK 2": "tsV2",
  "Python SDK 1": "pythonV1",
  "Python SDK 2": "pythonV2",
  "a server on Python's json": "pythonJSON",
  "a server on pydantic_core": "pythonPydantic",
};

for (const [title, upstreamName] of Object.entries(servers)) {
  test(`no hazard reaches the secret of ${title}, and what it takes of the harmless still works`, async () => {
    assert.ok(corpus.length >= 300, `only ${corpus.length} hazards`);
    const upstream = await upstreams[upstreamName]();
    const gateway = await startGateway({ site: { upstream: upstream.port, guard: "mcp_token {\n\ttool ok allow\n}" } });
    try {
      const bare = await replay(upstream.port, []);
      const leaks = upstream.executions("secret");
      assert.ok(leaks > 20, `the server alone ran its secret only ${leaks} times: this replay shows nothing`);

      const { secret } = await gateway.newToken([]);
      const guarded = await replay(gateway.ports.site, [["Authorization", `Bearer ${secret}`]]);
      assert.equal(upstream.executions("secret"), leaks, "a hazard got through");

      const harmless = corpus.filter(({ expect, name }) => expect === "harmless" && bare.get(name).ranOK);
      assert.ok(harmless.length > 0);
      const broken = harmless.filter(({ name }) => !guarded.get(name).ranOK);
      assert.deepEqual(
        broken.map(({ name }) => `${name}: ${guarded.get(name).status} ${guarded.get(name).body}`),
        [],
      );

      const refused = corpus.filter(({ expect }) => expect === "refused").map(({ name }) => [name, guarded.get(name)]);
      const vague = refused.filter(([, { status, type }]) => status < 400 || type !== "application/json");
      assert.deepEqual(
        vague.map(([name, { status, type, body }]) => `${name}: ${status} ${type} ${body}`),
        [],
      );
      console.log(
        `${title}: alone it ran its secret ${leaks} times in ${corpus.length} requests; through the gateway never; ` +
          `${refused.length} refused in JSON, ${harmless.length} harmless ones still run`,
      );
    } finally {
      await gateway.stop();
      await upstream.stop();
    }
  });
}
