// How a JavaScript server reads a message, and a form of values that compares across languages.

const doubles = new DataView(new ArrayBuffer(8));

export function canonical(value) {
  if (typeof value === "number") {
    doubles.setFloat64(0, value + 0);
    return ["number", doubles.getBigUint64(0).toString(16).padStart(16, "0")];
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return ["array", value.map(canonical)];
  const keys = Object.keys(value).sort();
  return ["object", keys.map((key) => [key, canonical(value[key])])];
}

const object = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});

// reading is what a server that holds this message would act on.
export function reading(message) {
  const { method } = message;
  const asked = object(message.params == null && method === "tools/call" ? message : message.params);
  const named = method === "completion/complete" ? object(asked.ref) : asked;
  const hasName = ["tools/call", "prompts/get", "completion/complete"].includes(method);
  const hasURI =
    method === "completion/complete" ||
    ["resources/read", "resources/subscribe", "resources/unsubscribe"].includes(method);
  return {
    method,
    name: hasName ? named.name : undefined,
    uri: hasURI ? named.uri : undefined,
    uris: method === "subscriptions/listen" ? object(asked.notifications).resourceSubscriptions : undefined,
    arguments: ["tools/call", "prompts/get"].includes(method) ? asked.arguments : undefined,
  };
}
