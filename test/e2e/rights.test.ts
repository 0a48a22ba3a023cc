/** What each process may do: read from the kernel, for every thread. Skipped without root. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, copyFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  type Appliance,
  applianceFile,
  applianceFiles,
  type ApplianceFiles,
  rolesOf,
  startAppliance,
  stopAppliances,
  supervisorPid,
} from "../support/appliance.ts";
import { ballastBinary, isRoot } from "../support/binary.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { freePort } from "../support/ports.ts";
import { type Finished, run } from "../support/process.ts";
import { startToy, type Toy } from "../support/toy.ts";
import { TEST_LIMIT_MS } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let network: Network | null = null;
let toy: Toy | null = null;

afterEach(async () => {
  await stopAppliances();
  await network?.close();
  network = null;
  toy?.stop();
  toy = null;
});

const NOBODY = 65534;
/** linux/capability.h: 12 is NET_ADMIN, 13 is NET_RAW. */
const NET_ADMIN_AND_RAW = "0000000000003000";
const NONE = "0000000000000000";

function site(port: number): string {
  toy ??= startToy("one");
  return `[defaults]
mode = "http"
[frontend.web]
bind = ["127.0.0.1:${port}"]
default_backend = "app"
[backend.app]
check = { http = "GET /health", expect = "200", interval = "500ms" }
servers = ["${toy.address}"]
`;
}

const vrrp = `[vrrp.VI_1]
interface = "eth0"
virtual_router_id = 51
priority = 100
addresses = ["192.0.2.10/24"]
`;

interface Rights {
  readonly uids: string;
  readonly gids: string;
  readonly groups: string;
  readonly effective: string;
  readonly permitted: string;
  readonly bounding: string;
  readonly noNewPrivileges: string;
}

/** The different rights that the threads of a process have: one entry when all are alike. */
function rightsOf(pid: number): readonly Rights[] {
  const seen = new Map<string, Rights>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(text)?.[1]?.trim() ?? "?";
    const rights: Rights = {
      uids: field("Uid"),
      gids: field("Gid"),
      groups: field("Groups"),
      effective: field("CapEff"),
      permitted: field("CapPrm"),
      bounding: field("CapBnd"),
      noNewPrivileges: field("NoNewPrivs"),
    };
    seen.set(JSON.stringify(rights), rights);
  }
  return [...seen.values()];
}

function expectRights(appliance: Appliance, name: string, capabilities: string): void {
  const pid = appliance.pidOf(name);
  expect(readdirSync(`/proc/${pid}/task`).length).toBeGreaterThan(2);
  const four = (id: number): string => Array.from({ length: 4 }, () => id).join("\t");
  const group = statSync(appliance.socket).gid;
  expect(rightsOf(pid)).toEqual([
    {
      uids: four(NOBODY),
      gids: four(group),
      groups: "",
      effective: capabilities,
      permitted: capabilities,
      bounding: capabilities,
      noNewPrivileges: "1",
    },
  ]);
}

describe.skipIf(!isRoot || !canMakeNamespaces)("started as root", () => {
  test("roles are nobody without capabilities in all threads; vrrp keeps its two", async () => {
    network = await makeNetwork("be2er", { a: "192.0.2.1/24" });
    const appliance = await startAppliance(site(freePort()) + vrrp, {
      prefix: ["ip", "netns", "exec", network.node("a").namespace],
    });
    for (const name of ["worker/0", "director", "admin"]) expectRights(appliance, name, NONE);
    expectRights(appliance, "vrrp", NET_ADMIN_AND_RAW);
  });

  test("variables that make Bun run other code are not handed on", async () => {
    const appliance = await startAppliance(site(freePort()), {
      env: { BUN_OPTIONS: "--smol", NODE_OPTIONS: "--no-warnings", KEPT: "yes" },
    });
    for (const name of ["worker/0", "director", "admin"]) {
      const environment = readFileSync(`/proc/${appliance.pidOf(name)}/environ`, "utf8").split("\0");
      expect(environment).toContain("KEPT=yes");
      expect(environment.filter((entry) => /^(BUN_|NODE_OPTIONS)/.test(entry))).toEqual([]);
    }
  });

  test("no descriptor of the supervisor leaks into a role beside its own", async () => {
    const appliance = await startAppliance(site(freePort()));
    const admin = appliance.pidOf("admin");
    const open = readdirSync(`/proc/${admin}/fd`).length;
    // Standard streams, channel, listener, epoll sets, counters; a leak would bring the supervisor's web listener.
    expect(open).toBeLessThan(20);
    const sockets = await run(["ss", "-ltnHp"]);
    expect(sockets.stdout).not.toContain(`pid=${admin},`);
  });
});

describe.skipIf(!isRoot)("started by nobody", () => {
  const drop = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--inh-caps=-all"];

  interface Nobody extends ApplianceFiles {
    readonly ballast: (...words: readonly string[]) => Promise<Finished>;
  }

  /** The built program where nobody may read it: the checkout may stand in a closed folder. */
  function asNobody(sections: string): Nobody {
    const files = applianceFiles();
    applianceFile(files, sections);
    const binary = join(files.folder, "ballast");
    copyFileSync(ballastBinary(), binary);
    chmodSync(binary, 0o755);
    chmodSync(files.config, 0o644);
    chownSync(files.folder, NOBODY, NOBODY);
    const command = [...drop, "--bounding-set=-all", binary, "-c", files.config, "-S", files.socket];
    return { ...files, ballast: (...words) => run([...command, ...words]) };
  }

  test("high ports work", async () => {
    const port = freePort();
    const nobody = asNobody(site(port));
    expect(await nobody.ballast("run", "--daemon")).toMatchObject({ code: 0 });
    const supervisor = supervisorPid(nobody);
    for (const pid of [supervisor, ...rolesOf(supervisor).values()]) {
      expect(rightsOf(pid).map(({ effective, permitted }) => [effective, permitted])).toEqual([[NONE, NONE]]);
    }
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain("hello from one");
    // Rights that are missing are found before a reload changes anything.
    applianceFile(nobody, site(port) + vrrp);
    const refused = await nobody.ballast("reload");
    expect(refused.code).toBe(78);
    expect(refused.stderr).toContain("vrrp.VI_1 needs CAP_NET_ADMIN");
    expect(await nobody.ballast("stop", "--now")).toMatchObject({ code: 0 });
  });

  test("vrrp says which right is missing and ends with 77", async () => {
    const refused = await asNobody(site(freePort()) + vrrp).ballast("run");
    expect(refused.code).toBe(77);
    expect(refused.stderr).toContain("vrrp.VI_1 needs CAP_NET_ADMIN");
    expect(refused.stderr).toContain("run as root");
  });

  test("port 80 says which right is missing and ends with 77", async () => {
    const refused = await asNobody(site(80)).ballast("run");
    expect(refused.code).toBe(77);
    expect(refused.stderr).toContain("frontend.web.bind[0]: 127.0.0.1:80: bind: permission denied");
    expect(refused.stderr).toContain("CAP_NET_BIND_SERVICE");
  });
});
