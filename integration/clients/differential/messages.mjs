// Messages to read: valid ones of both eras and mutations of them, each aimed at a way in which two parsers can differ.

// random gives the same numbers for the same seed, so that a finding can be had again.
export function random(seed) {
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, chance: (p) => next() < p, pick: (list) => list[below(list.length)] };
}

const strings = [
  "ok",
  "secret",
  "",
  "Ok",
  "o\u0000k",
  "ok ",
  "café",
  "cafe\u0301",
  "\ufeffok",
  "\u2028",
  "😀",
  "__proto__",
  "ok\\u0022",
  'a"b',
  "constructor",
  "ſ",
  "K",
  "file:///a/b",
  "file:///a/../b",
  "list_*",
  "\u007f",
  "\\",
];
const numbers = [
  "0",
  "-0",
  "1",
  "1.0",
  "1e2",
  "1E+2",
  "-1",
  "0.1",
  "1e400",
  "-1e400",
  "1e-400",
  "9007199254740993",
  "123456789012345678901234567890",
  "2.5e-324",
  "0.30000000000000004",
  "01",
  "+1",
  ".5",
  "1.",
  "NaN",
  "Infinity",
  "0x10",
  "1_000",
];

function value(r, depth = 0) {
  switch (r.below(depth > 3 ? 4 : 6)) {
    case 0:
      return quoted(r, r.pick(strings));
    case 1:
      return r.chance(0.5) ? String(r.below(1000)) : r.pick(numbers);
    case 2:
      return r.pick(["true", "false", "null"]);
    case 3:
      return r.pick(["{}", "[]", '""']);
    case 4:
      return `[${Array.from({ length: r.below(4) }, () => value(r, depth + 1)).join(",")}]`;
    default:
      return `{${Array.from({ length: r.below(5) }, () => `${quoted(r, r.pick(["a", "b", "name", "Name", "action", "Action", "x", "__proto__", "toString", "1", "01", ""]))}:${value(r, depth + 1)}`).join(",")}}`;
  }
}

// A string in one of the spellings JSON has for it.
function quoted(r, text) {
  if (r.chance(0.6)) return JSON.stringify(text);
  return `"${[...text].map((character) => (r.chance(0.5) ? escaped(r, character) : JSON.stringify(character).slice(1, -1))).join("")}"`;
}

function escaped(r, character) {
  return [...Array(character.length).keys()]
    .map((i) => {
      const hex = character.charCodeAt(i).toString(16).padStart(4, "0");
      return `\\u${r.chance(0.5) ? hex : hex.toUpperCase()}`;
    })
    .join("");
}

const modernMeta =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}';

// A valid message, as the members of its envelope and of its params, both as lists of [key, JSON text].
function valid(r) {
  const modern = r.chance(0.4);
  const name = ["name", quoted(r, r.pick(["ok", "secret", "café", "list_article", "a.b-c"]))];
  const args = ["arguments", `{${Array.from({ length: r.below(4) }, (_, i) => `"k${i}":${value(r)}`).join(",")}}`];
  const uri = ["uri", quoted(r, r.pick(["file:///a/b.txt", "ui://x", "demo://resource/1"]))];
  const [method, params] = r.pick([
    ["tools/call", [name, args]],
    ["tools/call", [name, args]],
    ["tools/call", [name]],
    ["tools/list", []],
    ["prompts/get", [name, args]],
    ["resources/read", [uri]],
    ["resources/subscribe", [uri]],
    [
      "completion/complete",
      [
        ["ref", `{"type":"ref/prompt","name":${name[1]}}`],
        ["argument", '{"name":"a","value":"b"}'],
      ],
    ],
    [
      "completion/complete",
      [
        ["ref", `{"type":"ref/resource","uri":${uri[1]}}`],
        ["argument", '{"name":"a","value":"b"}'],
      ],
    ],
    [
      "subscriptions/listen",
      [["notifications", `{"toolsListChanged":true,"resourceSubscriptions":[${uri[1]},"x://y"]}`]],
    ],
    ["ping", []],
    ["custom/method", [["anything", value(r)]]],
  ]);
  const id = ["id", r.pick(["1", '"a"', "0", "-5", '"é"', "9007199254740991"])];
  if (method.startsWith("tools/") && !modern && r.chance(0.25))
    return { envelope: [["method", JSON.stringify(method)], ...params], params: null, modern };
  const meta = modern ? [["_meta", modernMeta.slice(8)]] : r.chance(0.3) ? [["_meta", '{"progressToken":1}']] : [];
  return { envelope: [["jsonrpc", '"2.0"'], id, ["method", quoted(r, method)]], params: [...params, ...meta], modern };
}

const known = [
  "jsonrpc",
  "id",
  "method",
  "params",
  "result",
  "error",
  "name",
  "arguments",
  "uri",
  "ref",
  "notifications",
  "_meta",
  "taskId",
  "type",
];
const variant = (r, key) =>
  r.pick([
    key.toUpperCase(),
    key[0].toUpperCase() + key.slice(1),
    key.replace("s", "ſ"),
    key.replace("k", "K"),
    `${key}\u0000`,
    ` ${key}`,
    `${key} `,
    `\ufeff${key}`,
    key.replace("a", "а"),
  ]);

function disturbMembers(r, members) {
  const at = () => r.below(members.length + 1);
  const some = () => (members.length ? r.pick(members) : ["name", '"ok"']);
  const other = () => [r.pick(known), r.chance(0.5) ? quoted(r, r.pick(strings)) : value(r)];
  switch (r.below(7)) {
    case 0:
      return members.toSpliced(at(), 0, [some()[0], quoted(r, r.pick(strings))]);
    case 1:
      return members.toSpliced(at(), 0, [variant(r, some()[0]), quoted(r, r.pick(strings))]);
    case 2:
      return members.toSpliced(at(), 0, other());
    case 3:
      return members.length ? members.toSpliced(r.below(members.length), 1) : members;
    case 4:
      return members.map((member) => (r.chance(0.4) ? [member[0], value(r)] : member));
    case 5:
      return members.toSorted(() => r.below(3) - 1);
    default:
      return members.toSpliced(at(), 0, ["x", value(r)]);
  }
}

// An object of members; keys may be spelled with escapes.
function written(r, members) {
  const space = () => (r.chance(0.1) ? r.pick([" ", "\n", "\t", "\r\n", "  "]) : "");
  return `{${members.map(([key, text]) => `${space()}${r.chance(0.1) ? quoted(r, key) : JSON.stringify(key)}${space()}:${space()}${text}${space()}`).join(",")}}`;
}

function disturbBytes(r, body) {
  const at = r.below(body.length + 1);
  const bytes = r.pick([
    [0xff],
    [0xc0, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xef, 0xbb, 0xbf],
    [0],
    [0x0a],
    [0x20],
    [0x2c],
    [0x22],
    [0x5c],
    [0x7d],
    [0x7b],
    [0x1f],
    [0xc2, 0xa0],
    [r.below(256)],
  ]);
  switch (r.below(6)) {
    case 0:
      return Buffer.concat([body.subarray(0, at), Buffer.from(bytes), body.subarray(at)]);
    case 1:
      return Buffer.concat([body.subarray(0, at), body.subarray(at + 1 + r.below(3))]);
    case 2:
      return Buffer.concat([
        body,
        Buffer.from(r.pick([" ", "\n", "{}", ",", "\u0000", "//x", body.toString("latin1")]), "latin1"),
      ]);
    case 3:
      return Buffer.concat([Buffer.from(r.pick([" ", "\ufeff", "[", "\n", "\u00a0"])), body]);
    case 4:
      return Buffer.from(body.toString(), r.pick(["utf16le", "latin1"]));
    default:
      return at < body.length
        ? Buffer.concat([body.subarray(0, at), Buffer.from([body[at] ^ (1 << r.below(8))]), body.subarray(at + 1)])
        : body;
  }
}

// corpusMessage gives one of the recorded requests as {body, header}, mostly with its bytes disturbed.
export function corpusMessage(r, corpus) {
  const { headers, bytes } = r.pick(corpus);
  const header = {};
  for (const [name, value] of headers) (header[name] ??= []).push(value);
  return { body: r.chance(0.8) ? disturbBytes(r, bytes) : bytes, header };
}

// message gives {body, header}. The headers agree with what JSON.parse sees, as a client that wants to get past them would
// have it, so that what is tested is the reading of the body.
export function message(r) {
  let { envelope, params, modern } = valid(r);
  for (let left = r.below(3); left > 0; left--) {
    if (params && r.chance(0.6)) params = disturbMembers(r, params);
    else envelope = disturbMembers(r, envelope);
  }
  const whole = params
    ? envelope.toSpliced(r.chance(0.8) ? envelope.length : r.below(envelope.length + 1), 0, [
        "params",
        written(r, params),
      ])
    : envelope;
  let body = Buffer.from(written(r, whole));
  if (r.chance(0.15)) body = disturbBytes(r, body);
  return { body, header: header(body, modern) };
}

function header(body, modern) {
  if (!modern) return {};
  let seen;
  try {
    seen = JSON.parse(body.toString());
  } catch {
    return { "Mcp-Protocol-Version": ["2026-07-28"] };
  }
  const result = { "Mcp-Protocol-Version": ["2026-07-28"] };
  if (typeof seen?.method === "string") result["Mcp-Method"] = [encoded(seen.method)];
  const name = seen?.params?.name ?? seen?.params?.uri ?? seen?.params?.taskId;
  if (typeof name === "string" && ["tools/call", "prompts/get", "resources/read"].includes(seen.method))
    result["Mcp-Name"] = [encoded(name)];
  return result;
}

const encoded = (text) =>
  /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) ? text : `=?base64?${Buffer.from(text).toString("base64")}?=`;
