/**
 * Runs in the machine: asks ipvsadm everything in `commands.ts` under strace and writes test/golden/ipvs/*.txt anew (into
 * the results share). Form of a file, one block for each command:
 *
 *   $ ipvsadm -A -t 192.0.2.10:80 -s rr      the command
 *   > 6800…                                  a message to the kernel (header with port and sequence set to 0), as hex
 *   < 2400…                                  a message from the kernel
 *   | text                                   a line of stdout
 *   ! text                                   a line of stderr
 *   = 0                                      exit code
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeNetwork, type Network, type NetworkNode } from "../../support/netns.ts";
import { run, stopAllProcesses } from "../../support/process.ts";
import { captureFiles } from "./commands.ts";
import { messagesOf } from "./strace.ts";
import { captureTraffic } from "./traffic.ts";

const target = process.argv[2]!;
const COMMAND_MS = 20_000;

/** Captures one ipvsadm command; a path instead of options captures that file. */
export type Ask = (options: string) => Promise<void>;

async function block(node: NetworkNode, options: string): Promise<string> {
  if (options.startsWith("/")) {
    const text = await node.run(["cat", options]);
    return [`$ cat ${options}`, ...quoted("|", text), "= 0", "", ""].join("\n");
  }
  const inside = ["ip", "netns", "exec", node.namespace];
  const trace = "/tmp/trace";
  const strace = ["strace", "-o", trace, "-e", "trace=sendmsg,sendto,recvmsg,recvfrom", "-e", "write=all"];
  const command = [...inside, ...strace, "-e", "read=all", "ipvsadm", ...options.split(" ")];
  const { code, stdout, stderr } = await run(command, COMMAND_MS);
  const messages = messagesOf(readFileSync(trace, "latin1")).map(({ sent, hex }) => `${sent ? ">" : "<"} ${hex}`);
  const output = [...quoted("|", stdout), ...quoted("!", stderr)];
  return [`$ ipvsadm ${options}`, ...messages, ...output, `= ${code}`, "", ""].join("\n");
}

function quoted(sign: string, text: string): string[] {
  if (text === "") return [];
  return text
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => `${sign} ${line}`);
}

function head(release: string): string {
  return `# ipvsadm 1.31 on Linux ${release}; written by: npm run test:vm -- --capture
# $ command   > message sent   < message received (hex; sequence number and port id set to 0)   | stdout   ! stderr   = exit code
# Message type 0x10 and its answers (the family's number is asked for) are left out; the family's number differs between boots.

`;
}

const release = (await run(["uname", "-r"])).stdout.trim();
mkdirSync(target, { recursive: true });

async function capture(
  name: string,
  addresses: Record<string, string>,
  body: (network: Network, ask: Ask) => Promise<void>,
): Promise<void> {
  const path = join(target, `${name}.txt`);
  writeFileSync(path, head(release));
  const network = await makeNetwork("cap", addresses);
  const director = network.node("director");
  try {
    await body(network, async (options) => appendFileSync(path, await block(director, options)));
    console.log(`captured ${name}`);
  } finally {
    await stopAllProcesses();
    await network.close();
  }
}

for (const [name, commands] of Object.entries(captureFiles)) {
  await capture(name, { director: "192.0.2.1/24" }, async (_network, ask) => {
    for (const options of commands) await ask(options);
  });
}
await capture("traffic", { director: "192.0.2.1/24", client: "192.0.2.2/24", real: "192.0.2.3/24" }, captureTraffic);
console.log("captured all");
