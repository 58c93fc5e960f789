// server-everything listens on every interface and has no setting for it: a preload that keeps it on loopback.
const net = require("node:net");
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const bare = typeof args[0] === "number" || (typeof args[0] === "string" && /^\d+$/.test(args[0]));
  if (bare && (args.length === 1 || typeof args[1] === "function")) args.splice(1, 0, "127.0.0.1");
  else if (args[0] && typeof args[0] === "object" && "port" in args[0] && !args[0].host) args[0].host = "127.0.0.1";
  return listen.apply(this, args);
};
