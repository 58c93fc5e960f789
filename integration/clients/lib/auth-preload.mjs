// A preload that gives every outgoing request of fetch, undici and node:http the Authorization in $SUITE_AUTHORIZATION:
// the conformance suite has no option for it.
import http from "node:http";
import { createRequire } from "node:module";
import { installed } from "./places.mjs";

const authorization = process.env.SUITE_AUTHORIZATION;
const { getGlobalDispatcher, setGlobalDispatcher } = createRequire(installed("@modelcontextprotocol/conformance/"))(
  "undici",
);

function withAuthorization(headers) {
  if (!headers) return ["authorization", authorization];
  if (!Array.isArray(headers))
    return typeof headers[Symbol.iterator] === "function"
      ? withAuthorization([...headers].flat())
      : { authorization, ...headers };
  const present = headers.some((value, index) => index % 2 === 0 && String(value).toLowerCase() === "authorization");
  return present ? headers : [...headers, "authorization", authorization];
}

setGlobalDispatcher(
  getGlobalDispatcher().compose(
    (dispatch) => (options, handler) => dispatch({ ...options, headers: withAuthorization(options.headers) }, handler),
  ),
);

const plainFetch = globalThis.fetch;
globalThis.fetch = (input, init = {}) => {
  const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
  if (!headers.has("authorization")) headers.set("authorization", authorization);
  return plainFetch(input, { ...init, headers });
};

const plainRequest = http.request;
http.request = (...args) => {
  const options = args.find((arg) => arg && typeof arg === "object" && !(arg instanceof URL));
  if (options) options.headers = { authorization, ...options.headers };
  return plainRequest(...args);
};
