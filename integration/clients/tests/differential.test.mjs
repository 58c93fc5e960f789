import assert from "node:assert/strict";
import path from "node:path";
import readline from "node:readline";
import { isDeepStrictEqual } from "node:util";
import { test } from "node:test";
import { canonical, reading } from "../differential/reading.mjs";
import { corpusMessage, message, random } from "../differential/messages.mjs";
import { corpus } from "../lib/corpus.mjs";
import { built, here, python } from "../lib/places.mjs";
import { Child } from "../lib/process.mjs";

const seconds = Number(process.env.SUITE_FUZZ_SECONDS ?? 20);
const seed = Number(process.env.SUITE_FUZZ_SEED ?? Date.now() % 1_000_000_000);
const batch = 500;

// A program that answers each line with a line.
function lines(command, args) {
  const child = new Child(command, args, { piped: true });
  const answers = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(questions) {
      child.stdin.write(questions.map((question) => `${JSON.stringify(question)}\n`).join(""));
      const got = [];
      while (got.length < questions.length) {
        const { value, done } = await answers.next();
        if (done) throw new Error(`${command} ended: ${child.output.slice(-2000)}`);
        got.push(JSON.parse(value));
      }
      return got;
    },
    stop: () => child.stop(),
  };
}

// What the gateway took from a message, in the form the other readers compare with.
const seenBy = (gateway) => ({
  method: gateway.method || null,
  name: gateway.name || null,
  uri: gateway.uri || null,
  uris: gateway.uris,
  arguments: gateway.arguments ? canonical(JSON.parse(Buffer.from(gateway.arguments, "base64").toString())) : null,
});

function javascriptDiffers(body, seen) {
  let parsed;
  try {
    parsed = JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    return `JSON.parse refuses it: ${error.message}`;
  }
  const read = reading(parsed);
  read.arguments = read.arguments == null ? null : canonical(read.arguments);
  for (const what of Object.keys(seen)) {
    if (!isDeepStrictEqual(read[what] || null, seen[what] || null))
      return `JSON.parse reads ${what} as ${JSON.stringify(read[what])}`;
  }
  return "";
}

test(`what the gateway accepts, JavaScript, Python and Go's encoding/json read as it does (${seconds} s, seed ${seed})`, async () => {
  const r = random(seed);
  const gateway = lines(path.join(built, "readings"), []);
  const reader = lines(python(2), [here("differential", "reader.py")]);
  let read = 0;
  let accepted = 0;
  const found = [];
  try {
    for (const end = Date.now() + seconds * 1000; Date.now() < end && found.length < 20;) {
      const messages = Array.from({ length: batch }, () => (r.chance(0.3) ? corpusMessage(r, corpus) : message(r)));
      const answers = await gateway.ask(
        messages.map(({ body, header }) => ({ header, body: body.toString("base64") })),
      );
      const taken = messages
        .map(({ body }, i) => ({ body, gateway: answers[i] }))
        .filter(({ gateway }) => !gateway.refused);
      for (const one of taken) one.seen = seenBy(one.gateway);
      const python = await reader.ask(taken.map(({ body, seen }) => ({ body: body.toString("base64"), seen })));
      taken.forEach(({ body, gateway, seen }, i) => {
        const differences = [
          javascriptDiffers(body, seen),
          python[i] && `Python: ${python[i]}`,
          gateway.folding && `encoding/json reads ${gateway.folding}`,
        ].filter(Boolean);
        if (differences.length > 0)
          found.push(
            `${differences.join("; ")}; the gateway read ${JSON.stringify(seen)} in ${body.toString()} (base64 ${body.toString("base64")})`,
          );
      });
      read += messages.length;
      accepted += taken.length;
    }
  } finally {
    await gateway.stop();
    await reader.stop();
  }
  console.log(
    `differential: seed ${seed}, ${read} messages, ${accepted} accepted by the gateway, ${found.length} read otherwise elsewhere`,
  );
  assert.deepEqual(found, []);
  assert.ok(accepted > read / 10, `too few messages were accepted for this to mean something: ${accepted} of ${read}`);
});
