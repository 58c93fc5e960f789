import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { here, python } from "../lib/places.mjs";
import { finish } from "../lib/process.mjs";
import { badSecrets, setStage } from "../lib/stage.mjs";

// The 1.x client gives up its session over any HTTP error, so for it a gateway says `deny_as jsonrpc`.
for (const [title, major, mode, upstream, denyAs] of [
  ["Python SDK 1, legacy era", 1, "legacy", "pythonV1", "deny_as jsonrpc"],
  ["Python SDK 2, legacy era", 2, "legacy", "pythonV2", "deny_as http"],
  ["Python SDK 2, modern era", 2, "2026-07-28", "pythonV2", "deny_as http"],
  ["Python SDK 2 left to find the era", 2, "auto", "tsV2", "deny_as http"],
]) {
  describe(title, () => {
    let stage;
    before(async () => {
      stage = await setStage(
        upstream,
        `mcp_token {\n\trequire suite.use\n\ttool ok allow\n\ttool secret require suite.more\n\t${denyAs}\n}`,
      );
    });
    after(() => stage?.stop());

    async function client(secret) {
      const { code, output } = await finish(python(major), [here("clients", "python-client.py"), stage.url, mode], {
        env: { TOKEN: secret },
        milliseconds: 30_000,
      });
      const steps = output
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line));
      return { code, output, steps };
    }

    test("it lists, calls, is told what a denied call lacks, and goes on", async () => {
      const { secret } = await stage.gateway.newToken(["suite.use"]);
      const { code, output, steps } = await client(secret);
      assert.equal(code, 0, output);
      assert.deepEqual(
        steps.map(({ step }) => step),
        ["tools", "ok", "secret", "ok"],
        output,
      );
      assert.deepEqual(steps[0].names, ["ok"]);
      assert.match(steps[1].text, /^ok/);
      assert.match(steps[2].error, /suite\.more/);
      assert.match(steps[3].text, /^ok/);
      assert.equal(stage.upstream.executions("secret"), 0);
    });

    test("a bad token fails at once and starts no OAuth detour", async () => {
      for (const [what, bad] of await badSecrets(stage.gateway)) {
        stage.clear();
        const { code, output, steps } = await client(bad);
        assert.equal(code, 1, output);
        assert.match(steps.at(-1).error, major === 1 ? /401 Unauthorized/ : /token/i, what);
        assert.deepEqual(stage.front.oauth(), [], what);
        assert.deepEqual(stage.back.seen, [], `${what} reached the upstream`);
      }
    });
  });
}
