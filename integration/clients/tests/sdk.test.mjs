import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { text, v1, v2Auto, v2Legacy, v2Modern } from "../lib/sdk-clients.mjs";
import { badSecrets, setStage } from "../lib/stage.mjs";

// What each upstream offers: what the token may call, what it may not, and how to make the server speak unasked.
const everything = {
  upstream: "everything",
  may: ["echo", "toggle-simulated-logging", "trigger-long-running-operation"],
  allowed: ["echo", { message: "hello" }, /hello/],
  denied: ["get-sum", { a: 1, b: 2 }],
  progress: ["trigger-long-running-operation", { duration: 0.2, steps: 2 }],
  unasked: { call: "toggle-simulated-logging", method: "notifications/message" },
};
const go = {
  may: ["test_simple_text", "test_tool_with_progress", "test_trigger_tool_change"],
  allowed: ["test_simple_text", {}, /simple text/],
  denied: ["test_error_handling", {}],
  progress: ["test_tool_with_progress", {}],
  unasked: { call: "test_trigger_tool_change", method: "notifications/tools/list_changed" },
};
const goSessions = { ...go, upstream: "goSessions" };
const goStateless = { ...go, upstream: "goStateless" };
const tsV2 = {
  upstream: "tsV2",
  may: ["ok", "announce"],
  allowed: ["ok", { text: "hello" }, /hello/],
  denied: ["secret", {}],
  unasked: { call: "announce", method: "notifications/tools/list_changed" },
};

const pairs = [
  ["TypeScript SDK 1, legacy era, server-everything", v1, everything, "get"],
  ["TypeScript SDK 1, legacy era, go-sdk with sessions", v1, goSessions, "get"],
  ["TypeScript SDK 1, legacy era, go-sdk without sessions", v1, goStateless],
  ["TypeScript SDK 2, legacy era, server-everything", v2Legacy, everything, "get"],
  ["TypeScript SDK 2, legacy era, go-sdk with sessions", v2Legacy, goSessions, "get"],
  ["TypeScript SDK 2, modern era, go-sdk", v2Modern, goStateless, "listen"],
  ["TypeScript SDK 2, modern era, TypeScript SDK 2", v2Modern, tsV2, "listen"],
  ["TypeScript SDK 2 left to find the era, go-sdk", v2Auto, goStateless, "listen"],
  ["TypeScript SDK 2 left to find the era, server-everything", v2Auto, everything, "get"],
];

for (const [title, connect, server, stream] of pairs) {
  describe(title, () => {
    let stage, secret;
    before(async () => {
      stage = await setStage(
        server.upstream,
        `mcp_token {
	require suite.use
	tool ${server.may.join(" ")} allow
	tool ${server.denied[0]} require suite.more
	method subscriptions/listen allow
}`,
      );
      ({ secret } = await stage.gateway.newToken(["suite.use"]));
    });
    after(() => stage?.stop());

    async function connected(run) {
      const session = await connect(stage.url, secret);
      try {
        await run(session);
      } finally {
        await session.close();
      }
    }

    test("it connects, sees the tools it may call and calls one", () =>
      connected(async (session) => {
        assert.deepEqual((await session.tools()).sort(), [...server.may].sort());
        const [name, args, expected] = server.allowed;
        assert.match(text(await session.call(name, args)), expected);
      }));

    if (server.progress) {
      test("it receives the notifications that come during a call", () =>
        connected(async (session) => {
          const steps = [];
          const [name, args] = server.progress;
          await session.call(name, args, { onprogress: (step) => steps.push(step) });
          assert.ok(steps.length >= 2, `progress notifications: ${steps.length}`);
        }));
    }

    if (stream) {
      test("it receives the notifications that nobody asked for", () =>
        connected(async (session) => {
          const subscription = stream === "listen" ? await session.client.listen({ toolsListChanged: true }) : null;
          await session.call(server.unasked.call);
          await session.until(server.unasked.method);
          await subscription?.close();
        }));
    }

    test("a denied call names what is missing, and the next allowed call passes on the same connection", () =>
      connected(async (session) => {
        await session.call(...server.allowed.slice(0, 2));
        stage.clear();
        await assert.rejects(session.call(...server.denied), (error) => {
          assert.match(String(error.message), /suite\.more/);
          return true;
        });
        assert.deepEqual(
          stage.back.seen.filter(({ method }) => method === "POST"),
          [],
          "the denied call reached the upstream",
        );
        const [name, args, expected] = server.allowed;
        assert.match(text(await session.call(name, args)), expected);
        assert.deepEqual(stage.front.oauth(), []);
        assert.ok(
          !stage.front.seen.some(({ headers }) => headers["mcp-session-id"] === undefined && stream === "get"),
          "the client opened a new session",
        );
      }));

    test("a bad token fails at once, names the cause and starts no OAuth detour", async () => {
      for (const [what, bad] of [...(await badSecrets(stage.gateway)), ["no token", ""]]) {
        stage.clear();
        const start = performance.now();
        await assert.rejects(connect(stage.url, bad), (error) => {
          assert.match(error.message + (error.data?.text ?? ""), /token/i, what);
          assert.match(error.message, /401|token/, what);
          return true;
        });
        assert.ok(performance.now() - start < 5_000, `${what}: took ${Math.round(performance.now() - start)} ms`);
        assert.deepEqual(stage.front.oauth(), [], what);
        assert.deepEqual(stage.back.seen, [], `${what} reached the upstream`);
      }
    });

    test("the token never reaches the upstream", async () => {
      stage.clear();
      await connected((session) => session.tools());
      assert.ok(stage.back.seen.length > 0);
      for (const { headers } of stage.back.seen) {
        assert.equal(headers.authorization, undefined);
        assert.ok(!JSON.stringify(headers).includes(secret.slice(-20)));
      }
    });
  });
}
