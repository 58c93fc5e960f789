// Every screen, in light and dark, wide and at 320 px: axe-core (WCAG 2.2 AA), Lighthouse, the weight of a first visit, and
// the pictures of the documentation.
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import lighthouse, { desktopConfig } from "lighthouse";
import { freePort } from "../../clients/lib/ports.mjs";
import { launch, signIn, startStage, visit } from "../lib/stage.mjs";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pictures = fileURLToPath(new URL("../../../docs/images", import.meta.url));

let stage, browser, debugPort, shown;
before(async () => {
  stage = await startStage();
  debugPort = await freePort();
  browser = await launch([`--remote-debugging-port=${debugPort}`]);
  await stage.api("POST", "/groups", { name: "Editors", description: "May write the blog", permissions: ["blog.view_article", "blog.add_article"] });
  const users = ["amara", "jon", "li", "sofia"];
  const purposes = ["newsletter agent", "nightly import", "search indexer", "support copilot", "ci", "release notes", "translations", "moderation"];
  for (const [i, name] of purposes.entries()) {
    const made = await stage.api("POST", "/tokens", {
      name, user: users[i % users.length], description: i % 3 ? "" : "Runs every morning",
      permissions: i % 2 ? ["blog.view_article"] : ["blog.view_*", "blog.add_article"], groups: i % 3 ? [] : ["Editors"],
      expires_in: ["90d", "3d", "365d", "never"][i % 4],
    });
    if (i % 2 === 0) await stage.call(made.secret, "list_article");
    if (i === 4) await stage.api("POST", `/tokens/${made.token.id}/disable`, { reason: "the job was retired" });
    if (i === 0) {
      await stage.api("POST", `/tokens/${made.token.id}/rotate`, { grace: "24h" });
      shown = made.token.id;
    }
  }
});
after(async () => {
  await browser?.close();
  await stage?.stop();
});

// screens are [name, how to get there].
const screens = [
  ["sign-in", async (page) => page.goto(stage.page + "/"), "signed out"],
  ["tokens", async (page) => page.goto(stage.page + "/tokens")],
  ["tokens-none", async (page) => page.goto(stage.page + "/tokens?q=nothing+is+called+this")],
  ["create", async (page) => {
    await page.goto(stage.page + "/tokens/new");
    await page.getByLabel("Permissions", { exact: true }).fill("blog.view_article");
    await page.waitForFunction(() => document.querySelectorAll("#summary-list .allow").length === 2);
  }],
  ["create-wrong", async (page) => {
    await page.goto(stage.page + "/tokens/new");
    await page.getByLabel("Permissions", { exact: true }).fill("everything please");
    await page.getByRole("button", { name: "Create token" }).click();
    await page.getByRole("alert").waitFor();
  }],
  ["secret", async (page) => {
    await page.goto(stage.page + "/tokens/new");
    await page.getByLabel("Name", { exact: true }).fill(`demo ${Math.random().toString(36).slice(2, 8)}`);
    await page.getByRole("button", { name: "Create token" }).click();
    await page.getByText("I have stored it").waitFor();
  }],
  ["token", async (page) => page.goto(`${stage.page}/tokens/${shown}`)],
  ["rotate", async (page) => {
    await page.goto(`${stage.page}/tokens/${shown}`);
    await page.getByRole("button", { name: "Rotate" }).click();
  }],
  ["delete", async (page) => {
    await page.goto(`${stage.page}/tokens/${shown}`);
    await page.getByRole("button", { name: "Delete token" }).click();
  }],
  ["edit", async (page) => page.goto(`${stage.page}/tokens/${shown}/edit`)],
  ["groups", async (page) => page.goto(stage.page + "/groups")],
  ["group", async (page) => page.goto(stage.page + "/groups/Editors")],
  ["access", async (page) => page.goto(stage.page + "/access")],
  ["audit", async (page) => page.goto(stage.page + "/audit")],
  ["try", async (page) => {
    await page.goto(`${stage.page}/check?id=${shown}`);
    await page.getByLabel("MCP message").fill('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_article"}}');
    await page.getByRole("button", { name: "Decide" }).click();
    await page.getByText("would be refused").waitFor();
  }],
  ["not-found", async (page) => page.goto(stage.page + "/tokens/tok_0000000000000000")],
];

for (const colorScheme of ["light", "dark"]) {
  for (const [width, height] of [[1280, 860], [320, 640]]) {
    test(`axe finds nothing on any screen, ${colorScheme}, ${width} px wide, and nothing scrolls sideways`, async () => {
      const { context, page, wrongs } = await visit(browser, { colorScheme, viewport: { width, height } });
      for (const [name, open, signedOut] of screens) {
        if (name === "tokens") await signIn(page, stage);
        await open(page);
        await page.evaluate(axe); // through the debugger: the page's own policy stays as it is
        const found = await page.evaluate(() =>
          window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
        const violations = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`);
        assert.deepEqual(violations, [], `${name}${signedOut ? ", signed out" : ""}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${name} is ${wide} px wide`);
        if (process.env.SUITE_PICTURES && width === 1280) {
          await page.evaluate(() => {
            const field = document.querySelector("#secret");
            if (field) field.value = "mcp_Ab3dEf…";
          });
          await page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}.png`) });
        }
      }
      assert.deepEqual(wrongs, []);
      await context.close();
    });
  }
}

test("Lighthouse gives 95 or more, and a first visit weighs at most 100 kB", async () => {
  const { port } = new URL(stage.page);
  const admin = await fetch(`${stage.page}/`, {
    method: "POST", redirect: "manual",
    headers: { "content-type": "application/x-www-form-urlencoded" }, body: new URLSearchParams({ token: stage.adminSecret }),
  });
  const cookie = admin.headers.get("set-cookie").split(";")[0];
  for (const at of ["/tokens", `/tokens/${shown}`, "/tokens/new"]) {
    const flags = {
      port: debugPort, output: "json", logLevel: "error", extraHeaders: { cookie },
      onlyCategories: ["performance", "accessibility", "best-practices"],
    };
    const { lhr } = await lighthouse(`http://127.0.0.1:${port}${at}`, flags, desktopConfig);
    for (const category of Object.values(lhr.categories)) {
      const failed = category.auditRefs.filter((ref) => ref.weight > 0 && lhr.audits[ref.id].score !== null && lhr.audits[ref.id].score < 0.9).map((ref) => ref.id);
      console.log(`${at} ${category.title}: ${Math.round(category.score * 100)}${failed.length ? ` (${failed.join(", ")})` : ""}`);
      assert.ok(category.score >= 0.95, `${at} ${category.title}: ${category.score}: ${failed}`);
    }
    const bytes = lhr.audits["total-byte-weight"].numericValue;
    console.log(`${at}: ${bytes} bytes over the wire`);
    assert.ok(bytes <= 100_000);
  }
});
