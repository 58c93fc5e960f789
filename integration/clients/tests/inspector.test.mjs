import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { folder, installed } from "../lib/places.mjs";
import { finish } from "../lib/process.mjs";
import { badSecrets, setStage } from "../lib/stage.mjs";

const launcher = installed("@modelcontextprotocol/inspector/clients/launcher/build/index.js");

const servers = {
  legacy: { upstream: "everything", allowed: ["echo", "message=hello"], denied: ["get-sum", "a=1", "b=2"] },
  modern: { upstream: "tsV2", allowed: ["ok", "text=hello"], denied: ["secret"] },
};

for (const [era, { upstream, allowed, denied }] of Object.entries(servers)) {
  const guard = (more) =>
    `mcp_token {\n\trequire suite.use\n\ttool ${allowed[0]} allow\n\ttool ${denied[0]} require suite.more\n\tmethod logging/setLevel allow\n\t${more}\n}`;

  async function inspector(stage, secret, method, ...more) {
    const args = [
      "--cli",
      stage.url,
      "--transport",
      "http",
      "--protocol-era",
      era,
      "--format",
      "json",
      "--stored-auth-only",
    ];
    const header = ["--header", `Authorization: Bearer ${secret}`];
    return finish(process.execPath, [launcher, ...args, ...header, "--method", method, ...more], {
      env: { HOME: folder() },
    });
  }
  const call = (stage, secret, [name, ...args]) =>
    inspector(stage, secret, "tools/call", "--tool-name", name, ...args.flatMap((arg) => ["--tool-arg", arg]));

  // It sets the log level as soon as it is connected, and gives up if it may not.
  // The Inspector looks a tool up in the list before it calls it: only where lists are not filtered does it see the
  // denial. It takes 403, as HTTP status or as JSON-RPC code, for a matter of credentials (3), a result that is an error
  // for a failed tool (5), any other JSON-RPC error for a failed command (1).
  for (const [form, exit, reason] of [
    ["deny_as http", 3, /suite\.more/],
    ["deny_as jsonrpc", 3, /suite\.more/],
    ["deny_as tool_result", 5, /suite\.more/],
    ["hide_denied", 1, /Unknown tool: /],
  ]) {
    describe(`Inspector's command line, ${era} era, whole lists, ${form}`, () => {
      let stage, secret;
      before(async () => {
        stage = await setStage(upstream, guard(`filter_lists off\n\t${form}`));
        ({ secret } = await stage.gateway.newToken(["suite.use"]));
      });
      after(() => stage?.stop());

      test("an allowed call exits 0", async () => {
        const { code, output } = await call(stage, secret, allowed);
        assert.equal(code, 0, output);
        assert.match(output, /hello/);
      });

      test(`a denied call exits ${exit} and gives the reason`, async () => {
        const { code, output } = await call(stage, secret, denied);
        assert.equal(code, exit, output);
        assert.match(output, reason);
      });

      test("a bad token exits 3, names the cause and starts no OAuth detour", async () => {
        for (const [what, bad] of await badSecrets(stage.gateway)) {
          stage.clear();
          const { code, output } = await call(stage, bad, allowed);
          assert.equal(code, 3, `${what}: ${output}`);
          assert.match(output, /token|requires authorization \(HTTP 401\)/i, what);
          assert.deepEqual(stage.front.oauth(), [], what);
          assert.deepEqual(stage.back.seen, [], `${what} reached the upstream`);
        }
      });
    });
  }

  describe(`Inspector's command line, ${era} era, filtered lists`, () => {
    let stage, secret;
    before(async () => {
      stage = await setStage(upstream, guard("filter_lists on"));
      ({ secret } = await stage.gateway.newToken(["suite.use"]));
    });
    after(() => stage?.stop());

    test("it lists the tools the token may call, and no others", async () => {
      const { code, output } = await inspector(stage, secret, "tools/list");
      assert.equal(code, 0, output);
      assert.deepEqual(
        JSON.parse(output).result.tools.map(({ name }) => name),
        [allowed[0]],
      );
    });

    test("a tool that it does not see exits 5 without a call", async () => {
      const { code, output } = await call(stage, secret, denied);
      assert.equal(code, 5, output);
      assert.match(output, /not found/);
    });
  });
}
