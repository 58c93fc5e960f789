// What somebody who means harm puts into names, or into another site that the same browser visits.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { launch, signIn, startStage, visit } from "../lib/stage.mjs";

let stage, browser;
before(async () => {
  stage = await startStage();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await stage?.stop();
});

test("hostile names in every field never run", async () => {
  const names = [
    '<img src=x onerror="alert(1)">',
    '"><svg onload=alert(1)>',
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "' onfocus=alert(1) autofocus '",
  ];
  const ids = [];
  for (const name of names) {
    await stage.api("POST", "/groups", { name, description: name, permissions: [] });
    const { token } = await stage.api("POST", "/tokens", { name, description: name, user: name, groups: [name], permissions: ["blog.view_article"] });
    await stage.api("POST", `/tokens/${token.id}/disable`, { reason: name });
    ids.push(token.id);
  }
  const { context, page, wrongs } = await visit(browser);
  await signIn(page, stage);
  const screens = ["/tokens", "/groups", "/audit", "/access", "/tokens/new"];
  for (const [i, name] of names.entries()) {
    screens.push(`/tokens/${ids[i]}`, `/tokens/${ids[i]}/edit`, `/groups/${encodeURIComponent(name)}`);
    screens.push(`/tokens?q=${encodeURIComponent(name)}`, `/check?id=${encodeURIComponent(name)}`, `/audit?actor=${encodeURIComponent(name)}`);
  }
  for (const screen of screens) {
    await page.goto(stage.page + screen);
    await page.locator("h1").waitFor();
  }
  await page.goto(`${stage.page}/tokens/${ids[0]}`);
  assert.equal(await page.locator("h1").textContent(), names[0]);
  assert.equal(await page.locator("main img, main script").count(), 0);
  assert.deepEqual(wrongs, []);
  await context.close();
});

test("another site in the same browser can change nothing", async () => {
  const { token } = await stage.api("POST", "/tokens", { name: "victim", permissions: [] });
  const hostile = http.createServer((_, response) => {
    response.setHeader("content-type", "text/html").end(`<!doctype html>
<form method="post" action="${stage.page}/tokens/${token.id}/disable"></form>
<form method="post" enctype="text/plain" action="${stage.page}/api/tokens/${token.id}/disable"></form>
<img src="${stage.page}/tokens/${token.id}">`);
  });
  await new Promise((resolve) => hostile.listen(0, "127.0.0.1", resolve));
  const { context, page } = await visit(browser);
  await signIn(page, stage);
  // The same host on another port is the same site, to which even a SameSite=Strict cookie is sent; localhost is another.
  for (const host of ["127.0.0.1", "localhost"]) {
    for (const form of [0, 1]) {
      await page.goto(`http://${host}:${hostile.address().port}/`);
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === "POST"),
        page.waitForURL(`${stage.page}/**`),
        page.evaluate((n) => document.forms[n].submit(), form),
      ]);
      assert.equal(answer.status(), 403, `${host}, form ${form}`);
    }
    await page.goto(`http://${host}:${hostile.address().port}/`);
    const read = await page.evaluate(async (url) => {
      try {
        return await (await fetch(url, { credentials: "include" })).text();
      } catch (error) {
        return `refused: ${error.message}`;
      }
    }, `${stage.page}/api/tokens`);
    assert.match(read, /^refused/);
  }
  assert.equal((await stage.api("GET", `/tokens/${token.id}`)).is_active, true);
  await context.close();
  hostile.closeAllConnections();
  await new Promise((resolve) => hostile.close(resolve));
});

test("a name that points here opens nothing", async () => {
  const rebound = await launch([`--host-resolver-rules=MAP rebound.example 127.0.0.1`]);
  const { context, page } = await visit(rebound);
  const answer = await page.goto(`http://rebound.example:${stage.pagePort}/`);
  assert.equal(answer.status(), 421);
  await context.close();
  await rebound.close();
});

test("of two tabs that edit one token the second is told, and loses nothing", async () => {
  const { token } = await stage.api("POST", "/tokens", { name: "shared", permissions: ["blog.view_article"] });
  const { context, page: first, wrongs } = await visit(browser);
  await signIn(first, stage);
  const second = await context.newPage();
  for (const tab of [first, second]) await tab.goto(`${stage.page}/tokens/${token.id}/edit`);
  await first.getByLabel("Description").fill("from the first tab");
  await first.getByRole("button", { name: "Save" }).click();
  await first.getByText("Saved.").waitFor();
  await second.getByLabel("Description").fill("from the second tab");
  await second.getByRole("button", { name: "Save" }).click();
  const conflict = second.getByRole("alert");
  await conflict.getByText("from the first tab").waitFor();
  assert.equal(await second.getByLabel("Description").inputValue(), "from the second tab");
  assert.equal((await stage.api("GET", `/tokens/${token.id}`)).description, "from the first tab");
  assert.deepEqual(wrongs, []);
  await context.close();
});
