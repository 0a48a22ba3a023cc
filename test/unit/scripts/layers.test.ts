import { describe, expect, test } from "bun:test";
import { checkImports, refusal } from "../../../scripts/layers/imports.ts";
import { sourceFile } from "../../../scripts/layers/source.ts";
import { checkMachine, checkText, machineRules } from "../../../scripts/layers/text.ts";

const head = "/** A file. */\n";

function importFindings(path: string, code: string): string[] {
  return checkImports(sourceFile(path, head + code)).map((finding) => `${finding.line}: ${finding.message}`);
}

function textFindings(path: string, code: string): string[] {
  return checkText(sourceFile(path, head + code)).map((finding) => `${finding.line}: ${finding.message}`);
}

describe("refusal", () => {
  const allowed: [from: string, to: string][] = [
    ["src/proxy/relay.ts", "src/http/head.ts"],
    ["src/proxy/shell/engine.ts", "src/sys/socket.ts"],
    ["src/proxy/shell/engine.ts", "src/proxy/relay.ts"],
    ["src/roles/worker.ts", "src/proxy/shell/engine.ts"],
    ["src/cli/status.ts", "src/admin/client.ts"],
    ["src/cli/tui.ts", "tui/app.tsx"],
    ["tui/transport.ts", "src/admin/client.ts"],
    ["src/sys/clock.ts", "src/lib/time.ts"],
    ["src/netlink/shell/socket.ts", "src/netlink/codec.ts"],
  ];
  for (const [from, to] of allowed) test(`allows ${from} → ${to}`, () => expect(refusal(from, to, false)).toBeNull());

  const refused: [from: string, to: string, why: RegExp][] = [
    ["src/lib/ip.ts", "src/net/address.ts", /points up: L0 lib may not import L1 codec/],
    ["src/http/head.ts", "src/proxy/relay.ts", /points up: L1 codec may not import L2 core/],
    ["src/proxy/relay.ts", "src/proxy/shell/engine.ts", /points up: L2 core may not import L3 shell/],
    ["src/proxy/relay.ts", "src/sys/socket.ts", /core \(L2\) may not import src\/sys.*src\/proxy\/shell/],
    ["src/proxy/shell/engine.ts", "src/roles/worker.ts", /points up/],
    ["src/roles/worker.ts", "src/cli/run.ts", /points up/],
    ["src/vrrp/shell/loop.ts", "src/netlink/shell/socket.ts", /shell of vrrp may not import the shell of netlink/],
    ["src/sys/loop.ts", "src/net/arp.ts", /src\/sys may import src\/lib only/],
    ["tui/app.tsx", "src/config/types.ts", /tui may import/],
    ["src/admin/server.ts", "tui/app.tsx", /only src\/main.ts and src\/cli/],
    ["src/cli/demo.ts", "test/support/wait.ts", /outside src/],
  ];
  for (const [from, to, why] of refused)
    test(`refuses ${from} → ${to}`, () => expect(refusal(from, to, false)).toMatch(why));

  test("allows the type of another domain's shell, as it is erased", () => {
    expect(refusal("src/proxy/shell/engine.ts", "src/log/shell/sinks.ts", true)).toBeNull();
    expect(refusal("src/proxy/shell/engine.ts", "src/log/shell/sinks.ts", false)).toMatch(/let the role hand it in/);
  });
});

describe("checkImports", () => {
  test("sees static, multi-line, re-exported and dynamic imports with their lines", () => {
    const code = `import {\n  a,\n  b,\n} from "../roles/a.ts";\nexport { c } from "../roles/b.ts";\nconst d = await import("../roles/c.ts");\n`;
    expect(importFindings("src/proxy/relay.ts", code).map((text) => text.slice(0, 2))).toEqual(["5:", "6:", "7:"]);
  });

  test("ignores imports in comments", () => {
    expect(importFindings("src/proxy/relay.ts", `// import { a } from "../roles/a.ts";\n`)).toEqual([]);
  });

  test("keeps bun:ffi in src/sys, node: out of cores and ink in tui", () => {
    expect(importFindings("src/sys/libc.ts", `import { dlopen } from "bun:ffi";\n`)).toEqual([]);
    expect(importFindings("src/vrrp/shell/a.ts", `import { ptr } from "bun:ffi";\n`)).toEqual([
      "2: only src/sys may import bun:ffi",
    ]);
    expect(importFindings("src/vrrp/wire.ts", `import { readFileSync } from "node:fs";\n`)).toEqual([
      "2: a core is pure and may not import node:fs",
    ]);
    expect(importFindings("src/cli/tui.ts", `import { render } from "ink";\n`)).toEqual([
      "2: ink may not be imported here",
    ]);
  });

  test("wants the extension in relative imports", () => {
    expect(importFindings("src/vrrp/wire.ts", `import { a } from "./timing";\n`)).toEqual([
      `2: import "./timing" lacks its .ts or .tsx extension`,
    ]);
  });
});

describe("checkText", () => {
  const impure = [
    "Date.now()",
    "new Date()",
    "performance.now()",
    "Math.random()",
    "setTimeout(f, 1)",
    "Bun.write(a, b)",
  ];
  for (const call of [...impure, "process.env.X", "async () => 1"]) {
    test(`refuses ${call} in a core and allows it in a shell`, () => {
      expect(textFindings("src/vrrp/wire.ts", `const a = ${call};\n`)).toHaveLength(1);
      expect(textFindings("src/vrrp/shell/io.ts", `const a = ${call};\n`)).toEqual([]);
    });
  }

  test("ignores strings, comments, templates and regular expressions", () => {
    const code =
      "// Date.now()\nconst a = 'Date.now()' + `Date.now() ${b}` + /Math.random/.source;\nconst process = row;\nuse(process.state);\n";
    expect(textFindings("src/vrrp/wire.ts", code)).toEqual([]);
  });

  test("sees code inside a template's braces", () => {
    expect(textFindings("src/vrrp/wire.ts", "const a = `x ${{ n: Date.now() }.n} y`;\n")).toHaveLength(1);
  });

  for (const form of [
    "export default 1;",
    "enum A { B }",
    "export const enum A { B }",
    "namespace A {}",
    'export * from "./a.ts";',
  ]) {
    test(`refuses ${form}`, () => expect(textFindings("src/roles/worker.ts", `${form}\n`)).toHaveLength(1));
  }

  test("refuses addresses of memory that moves", () => {
    const code = "ptr(new Uint8Array(8));\naddressOf(Buffer.alloc(8));\npinnedAddress(memory.bytes);\n";
    expect(textFindings("src/sys/socket.ts", code)).toHaveLength(2);
  });

  test("refuses process.exit outside src/main.ts", () => {
    expect(textFindings("src/cli/run.ts", "process.exit(1);\n")).toEqual(["2: only src/main.ts may call process.exit"]);
    expect(textFindings("src/main.ts", "process.exit(1);\n")).toEqual([]);
  });

  test("wants a head comment and no unfinished marks", () => {
    const bare = checkText(sourceFile("src/roles/worker.ts", `const a = 1; // ${"TO"}${"DO"} later\n`));
    expect(bare.map((finding) => finding.message)).toEqual([
      `${"TO"}${"DO"}: finish it or open an issue`,
      "no head comment: say what this file is about",
    ]);
  });
});

test("checkMachine names the checkout's folder, homes and registry hosts, and leaves common paths alone", () => {
  const rules = machineRules("/data/checkout");
  const found = (text: string): number => checkMachine("a.json", text, rules).length;
  expect(found("see /data/checkout/src")).toBe(2);
  expect(found("see /data/other/src")).toBe(1);
  expect(found(`"resolved": "https${"://"}host/a.tgz"`)).toBe(1);
  expect(found(["registry", "npmjs", "org"].join("."))).toBe(1);
  expect(found("/tmp/ballast-0 /etc/ballast/ballast.toml /run/ballast")).toBe(0);
});
