/** What keepalived tells scripts and its FIFO of a life with a failover and a fault, Ballast tells them as well. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { startAppliance, stopAppliances } from "../../support/appliance.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../../support/netns.ts";
import type { TestProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";
import { Folder } from "../../net/notify/programs.ts";

const TEST_MS = 40_000;
const isPossible = canMakeNamespaces && Bun.which("keepalived") !== null;

let network: Network;
let folder: Folder;

beforeEach(async () => {
  folder = new Folder();
  network = await makeNetwork("bvntk", { k: "192.0.2.1/24", b: "192.0.2.2/24" });
});

afterEach(async () => {
  await stopAppliances();
  await network.close();
  folder.remove();
});

/** Scripts of one node: `own` for single states, `any` for all; each writes its arguments. */
function scripts(node: string): { readonly own: string; readonly any: string; readonly fifo: string } {
  const write = (word: string): string => `echo "${word} $*" >>${folder.file(`${node}.log`)}`;
  return {
    own: folder.script(`${node}-own`, write("own")),
    any: folder.script(`${node}-any`, write("any")),
    fifo: folder.file(`${node}.fifo`),
  };
}

function keepalivedFile(): string {
  const { own, any, fifo } = scripts("k");
  return `global_defs {
  router_id k
  script_user root
  enable_script_security
  vrrp_version 3
  vrrp_notify_fifo ${fifo}
}
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority 150
  advert_int 0.1
  virtual_ipaddress { 192.0.2.10/24 }
  notify_master "${own} m"
  notify_backup "${own} b"
  notify_fault "${own} f"
  notify_stop "${own} s"
  notify "${any} x"
}
`;
}

function ballastFile(): string {
  const { own, any, fifo } = scripts("b");
  return `[vrrp.VI_1]
interface = "eth0"
virtual_router_id = 52
priority = 150
version = 3
advert_interval = "100ms"
addresses = ["192.0.2.20/24"]
[vrrp.VI_1.notify]
master = "${own} m"
backup = "${own} b"
fault = "${own} f"
stop = "${own} s"
any = "${any} x"
fifo = "${fifo}"
user = "root"
`;
}

interface Told {
  readonly fifo: readonly string[];
  readonly own: readonly string[];
  readonly any: readonly string[];
}

/** Master, cable out and in again, master, stop; answers what scripts and the pipe were told. */
async function live(node: "k" | "b", started: TestProcess): Promise<Told> {
  const reader = network.node(node).start(["timeout", "30", "cat", folder.file(`${node}.fifo`)]);
  const lines = (): readonly string[] => reader.stdout().split("\n").slice(0, -1);
  const logged = (): readonly string[] => folder.read(`${node}.log`).split("\n").slice(0, -1);
  const until = (count: number): Promise<unknown> =>
    waitFor(`${count} changes of ${node}`, () => lines().length >= count && logged().length >= 2 * count);
  await until(2);
  await network.cable(node, false);
  await until(3);
  await network.cable(node, true);
  await until(5);
  started.signal("SIGTERM");
  await until(6);
  await started.exited;
  await reader.stop();
  const log = logged();
  const only = (word: string): readonly string[] => log.filter((line) => line.startsWith(`${word} `));
  return { fifo: lines(), own: only("own"), any: only("any") };
}

describe.skipIf(!isPossible)("beside keepalived", () => {
  test(
    "hooks and pipe are told the same, with the same arguments, in the same order",
    async () => {
      await Bun.write(folder.file("k.conf"), keepalivedFile());
      const files = ["-p", "k.pid", "-r", "v.pid", "-c", "c.pid"].map((word) =>
        word.startsWith("-") ? word : folder.file(word),
      );
      const keepalived = network
        .node("k")
        .start(["keepalived", "-n", "-l", "-P", "-f", folder.file("k.conf"), ...files]);
      await waitFor("keepalived's pipe", () => Bun.file(folder.file("k.fifo")).stat());
      const theirs = await live("k", keepalived);

      const inside = ["ip", "netns", "exec", network.node("b").namespace];
      const ours = await live("b", (await startAppliance(ballastFile(), { prefix: inside })).process);

      expect(theirs.fifo.map((line) => line.split(" ")[2])).toEqual([
        "BACKUP",
        "MASTER",
        "FAULT",
        "BACKUP",
        "MASTER",
        "STOP",
      ]);
      expect(ours).toEqual(theirs);
    },
    TEST_MS,
  );
});
