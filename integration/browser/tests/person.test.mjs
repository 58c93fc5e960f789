// A person who has never seen the page makes a token, uses it, narrows it, finds out why it is refused, rotates and
// disables it: once by mouse, once by keyboard alone.
import assert from "node:assert/strict";
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

const secretPattern = /mcp_[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{43}/;

test("by mouse", async () => {
  const { context, page, wrongs } = await visit(browser);
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: stage.page });
  await signIn(page, stage);

  await page.getByRole("link", { name: "Create token" }).click();
  await page.getByLabel("Name", { exact: true }).fill("mouse agent");
  await page.getByLabel("Permissions", { exact: true }).fill("blog.view_article\nblog.delete_article");
  await page.locator("#summary-list").getByText("tool delete_*").waitFor();
  await page.waitForFunction(() => document.querySelectorAll("#summary-list .allow").length === 3);
  await page.getByRole("button", { name: "Create token" }).click();

  const dialog = page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "Copy the token of mouse agent now" }).waitFor();
  await page.keyboard.press("Escape");
  assert.ok(await dialog.isVisible(), "Escape must not lose the secret");
  assert.ok(await dialog.getByRole("button", { name: "Done" }).isDisabled());
  await dialog.getByRole("button", { name: "Copy", exact: true }).first().click();
  await page.getByText("Copied to the clipboard.").waitFor();
  const secret = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(secret, secretPattern);
  await dialog.getByText(".mcp.json").click();
  assert.ok((await dialog.locator("#snippet-json").textContent()).includes(secret));
  await dialog.getByLabel("I have stored it").check();
  await dialog.getByRole("button", { name: "Done" }).click();
  assert.ok(!secretPattern.test(await page.content()), "the secret is still in the document");

  assert.equal((await stage.call(secret, "list_article")).status, 200);
  assert.equal((await stage.call(secret, "delete_article")).status, 200);

  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Permissions", { exact: true }).fill("blog.view_article");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  const refused = await stage.call(secret, "delete_article");
  assert.equal(refused.status, 403);
  assert.match(refused.text, /blog\.delete_article/);

  await page.getByRole("link", { name: "Try a request with this token" }).click();
  await page.getByLabel("MCP message").fill('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_article"}}');
  await page.getByRole("button", { name: "Decide" }).click();
  const decision = page.getByRole("status", { name: "Decision" });
  await decision.getByText("would be refused").waitFor();
  assert.match(await decision.textContent(), /tool delete_\*.*blog\.delete_article/s);

  await page.getByRole("link", { name: "Tokens", exact: true }).click();
  await page.getByRole("link", { name: "mouse agent" }).click();
  await page.getByRole("button", { name: "Rotate" }).click();
  await page.getByRole("dialog").getByLabel("1 hour").check();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
  const rotated = await page.getByLabel("The token", { exact: true }).inputValue();
  assert.match(rotated, secretPattern);
  assert.notEqual(rotated, secret);
  await page.getByLabel("I have stored it").check();
  await page.getByRole("button", { name: "Done" }).click();
  assert.equal((await stage.call(secret, "list_article")).status, 200, "the old secret works in its grace");
  assert.equal((await stage.call(rotated, "list_article")).status, 200);
  await page.getByRole("button", { name: "End the grace now" }).click();
  await page.getByText("The grace is over").waitFor();
  assert.equal((await stage.call(secret, "list_article")).status, 401);

  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByRole("dialog").getByLabel("Reason").fill("end of the test");
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await page.getByText("Its running requests have ended.").waitFor();
  assert.equal((await stage.call(rotated, "list_article")).status, 401);
  await page.getByText("end of the test").waitFor();
  assert.deepEqual(wrongs, []);
  await context.close();
});

test("by keyboard alone", async () => {
  const { context, page, wrongs } = await visit(browser);
  // to presses Tab until the element has the focus: every control is within reach, in a bounded number of steps.
  const to = async (locator) => {
    for (let step = 0; step < 80; step++) {
      if (await locator.evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`not reached by Tab: ${locator}`);
  };
  await page.goto(stage.page + "/");
  await page.locator("#token:focus").waitFor(); // it has the focus from the start
  await page.keyboard.type(stage.adminSecret);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Tokens", level: 1 }).waitFor();

  await to(page.getByRole("link", { name: "Create token" }));
  await page.keyboard.press("Enter");
  await page.locator("#name:focus").waitFor(); // so has the name
  await page.keyboard.type("keyboard agent");
  await to(page.getByLabel("Permissions", { exact: true }));
  await page.keyboard.type("blog.*");
  await to(page.getByRole("button", { name: "Create token" }));
  await page.keyboard.press("Enter");

  const secret = await page.getByLabel("The token", { exact: true }).inputValue();
  await to(page.getByLabel("I have stored it"));
  await page.keyboard.press("Space");
  await to(page.getByRole("button", { name: "Done" }));
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal((await stage.call(secret, "delete_article")).status, 200);

  await to(page.getByRole("link", { name: "Edit" }));
  await page.keyboard.press("Enter");
  await to(page.getByLabel("Permissions", { exact: true }));
  await page.keyboard.press("Control+A");
  await page.keyboard.type("blog.view_article");
  await to(page.getByRole("button", { name: "Save" }));
  await page.keyboard.press("Enter");
  await page.getByText("Saved.").waitFor();
  assert.equal((await stage.call(secret, "delete_article")).status, 403);

  await to(page.getByRole("link", { name: "Try a request with this token" }));
  await page.keyboard.press("Enter");
  await to(page.getByRole("button", { name: "Decide" }));
  await page.keyboard.press("Enter");
  await page.getByText("would pass").waitFor();
  await page.goBack();
  await page.goBack();

  await to(page.getByRole("button", { name: "Rotate" }));
  await page.keyboard.press("Enter");
  const rotate = page.getByRole("dialog").getByRole("button", { name: "Rotate" });
  await to(rotate);
  await page.keyboard.press("Enter");
  const rotated = await page.getByLabel("The token", { exact: true }).inputValue();
  await to(page.getByLabel("I have stored it"));
  await page.keyboard.press("Space");
  await to(page.getByRole("button", { name: "Done" }));
  await page.keyboard.press("Enter");
  assert.equal((await stage.call(rotated, "list_article")).status, 200);

  const disable = page.getByRole("button", { name: "Disable" });
  await to(disable);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  assert.ok(await disable.evaluate((element) => element === document.activeElement), "the focus returns to the opener");
  await page.keyboard.press("Enter");
  await to(page.getByRole("dialog").getByRole("button", { name: "Disable" }));
  await page.keyboard.press("Enter");
  await page.getByText("Its running requests have ended.").waitFor();
  assert.equal((await stage.call(rotated, "list_article")).status, 401);
  assert.deepEqual(wrongs, []);
  await context.close();
});

test("neither reload, nor back, nor a second tab shows a secret again", async () => {
  const { context, page } = await visit(browser);
  await signIn(page, stage);
  for (const leave of ["reload", "back", "tab", "unfinished"]) {
    await page.goto(stage.page + "/tokens/new");
    await page.getByLabel("Name", { exact: true }).fill(`once ${leave}`);
    await page.getByRole("button", { name: "Create token" }).click();
    const secret = await page.getByLabel("The token", { exact: true }).inputValue();
    assert.match(secret, secretPattern);
    let seen = page;
    if (leave === "reload") await page.reload();
    if (leave === "back") {
      await page.goto(stage.page + "/groups");
      await page.goBack();
    }
    if (leave === "tab") {
      seen = await context.newPage();
      await seen.goto(page.url());
    }
    if (leave === "unfinished") {
      await page.goto("about:blank");
      await page.goBack();
    }
    await seen.getByRole("heading", { name: `once ${leave}`, level: 1 }).waitFor();
    assert.ok(!(await seen.content()).includes(secret.split(".")[1]), `${leave} shows the secret`);
    const history = await seen.evaluate(() => JSON.stringify([location.href, document.title, document.referrer, { ...localStorage }, { ...sessionStorage }]));
    assert.ok(!secretPattern.test(history));
  }
  await context.close();
});
