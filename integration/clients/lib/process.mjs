import { spawn } from "node:child_process";

const children = new Set();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

// Child is one program under test: what it printed, and its end. A piped one is talked to over stdin and stdout, and only
// what it says on stderr is kept.
export class Child {
  output = "";
  #process;
  #ended;

  constructor(command, args, { env = {}, cwd, piped = false } = {}) {
    this.#process = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [piped ? "pipe" : "ignore", "pipe", "pipe"],
    });
    for (const stream of piped ? [this.#process.stderr] : [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.output += text));
    }
    children.add(this.#process);
    this.#process.once("close", () => children.delete(this.#process));
    this.#ended = new Promise((resolve) => {
      this.#process.once("error", (error) => ((this.output += error.message), resolve({ code: 127, signal: null })));
      this.#process.once("close", (code, signal) => resolve({ code, signal }));
    });
  }

  get running() {
    return this.#process.exitCode === null && this.#process.signalCode === null && this.#process.pid !== undefined;
  }

  get stdin() {
    return this.#process.stdin;
  }

  get stdout() {
    return this.#process.stdout;
  }

  // ended resolves with {code, signal}; a program that outlives the limit is killed and fails the test.
  async ended(milliseconds = 60_000) {
    let timer;
    const limit = new Promise((_, reject) => {
      timer = setTimeout(() => {
        this.#process.kill("SIGKILL");
        reject(new Error(`still running after ${milliseconds} ms; it printed:\n${this.output}`));
      }, milliseconds);
    });
    return Promise.race([this.#ended, limit]).finally(() => clearTimeout(timer));
  }

  async untilPrinted(pattern, milliseconds = 20_000) {
    const deadline = Date.now() + milliseconds;
    for (;;) {
      const found = this.output.match(pattern);
      if (found) return found;
      if (!this.running) throw new Error(`ended without printing ${pattern}; it printed:\n${this.output}`);
      if (Date.now() > deadline)
        throw new Error(`did not print ${pattern} in ${milliseconds} ms, but:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop() {
    if (this.running) this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    await this.#ended;
    clearTimeout(timer);
  }
}

// finish runs a program to its end and gives {code, signal, output}.
export async function finish(command, args, options = {}) {
  const child = new Child(command, args, options);
  const end = await child.ended(options.milliseconds);
  return { ...end, output: child.output };
}
