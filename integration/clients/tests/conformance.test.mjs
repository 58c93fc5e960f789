import assert from "node:assert/strict";
import { describe, test } from "node:test";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { startGateway } from "../lib/gateway.mjs";
import { folder, here, installed } from "../lib/places.mjs";
import { finish } from "../lib/process.mjs";
import { upstreams } from "../lib/upstreams.mjs";

const everythingAllowed = `mcp_token {
	require suite.use
	tool * allow
	prompt * allow
	resource * allow
	method * allow
}`;

// suite runs the official conformance suite and gives its exit code and, per scenario, how many checks passed and failed.
async function suite(url, requirements, secret) {
  const preload = secret ? ["--import", pathToFileURL(here("lib", "auth-preload.mjs")).href] : [];
  const { code, output } = await finish(
    process.execPath,
    [
      ...preload,
      installed("@modelcontextprotocol/conformance/dist/index.js"),
      "server",
      "--url",
      url,
      "--requirements",
      requirements,
      "-o",
      path.join(folder(), "results"),
    ],
    { env: secret ? { SUITE_AUTHORIZATION: `Bearer ${secret}` } : {}, milliseconds: 180_000 },
  );
  const scenarios = new Map();
  for (const [, name, passed, failed] of output.matchAll(/^[✓✗] ([\w-]+): (\d+) passed, (\d+) failed$/gm)) {
    scenarios.set(name, { passed: Number(passed), failed: Number(failed) });
  }
  assert.ok(scenarios.size > 20, `the suite printed no summary:\n${output}`);
  return { code, scenarios, output };
}

function table(requirements, bare, guarded) {
  const cell = (result) => (result ? `${result.passed} passed ${result.failed} failed` : "missing").padEnd(22);
  const rows = [...new Set([...bare.keys(), ...guarded.keys()])].map(
    (name) => `${name.padEnd(48)}${cell(bare.get(name))}${cell(guarded.get(name))}`,
  );
  const whole = (scenarios) => [...scenarios.values()].filter(({ failed }) => failed === 0).length;
  return [
    "",
    `${`conformance ${requirements}`.padEnd(48)}${"server alone".padEnd(22)}through the gateway`,
    ...rows,
    `${"scenarios without a failure".padEnd(48)}${`${whole(bare)} of ${bare.size}`.padEnd(22)}${whole(guarded)} of ${guarded.size}`,
    "",
  ].join("\n");
}

describe("The official conformance suite", { concurrency: false }, () => {
  for (const [requirements, upstreamName] of [
    ["2025-11-25", "goSessions"],
    ["2026-07-28", "goStateless"],
  ]) {
    test(`passes ${requirements} through the gateway and loses nothing to it`, async () => {
      const upstream = await upstreams[upstreamName]();
      const gateway = await startGateway({ site: { upstream: upstream.port, guard: everythingAllowed } });
      try {
        const { secret } = await gateway.newToken(["suite.use"]);
        const bare = await suite(`http://127.0.0.1:${upstream.port}/mcp`, requirements);
        const guarded = await suite(gateway.url("site"), requirements, secret);
        console.log(table(requirements, bare.scenarios, guarded.scenarios));

        const lost = [...bare.scenarios]
          .filter(([name, { passed }]) => (guarded.scenarios.get(name)?.passed ?? -1) < passed)
          .map(([name]) => name);
        assert.deepEqual(lost, [], guarded.output);
        assert.equal(bare.code, 0, bare.output);
        assert.equal(guarded.code, 0, guarded.output);
      } finally {
        await gateway.stop();
        await upstream.stop();
      }
    });
  }
});
