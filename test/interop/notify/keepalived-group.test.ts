/** What keepalived tells scripts and its FIFO of a sync group with a failover and a fault, Ballast tells of a group. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { startAppliance, stopAppliances } from "../../support/appliance.ts";
import { canMakeNamespaces, makeNetwork, type Network, waitForLink } from "../../support/netns.ts";
import type { TestProcess } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";
import { Folder } from "../../net/notify/programs.ts";

const TEST_MS = 60_000;
const isPossible = canMakeNamespaces && Bun.which("keepalived") !== null;

let network: Network;
let folder: Folder;

beforeEach(async () => {
  folder = new Folder();
  network = await makeNetwork("bvntg", { k: "192.0.2.1/24", b: "192.0.2.2/24" });
  // The second member's interface; its cable is the other end of the pair.
  for (const node of network.nodes) {
    await node.run(["ip", "link", "add", "eth1", "type", "veth", "peer", "name", "cable1"]);
    await node.run(["ip", "address", "add", "198.51.100.1/24", "dev", "eth1"]);
    for (const name of ["eth1", "cable1"]) await node.run(["ip", "link", "set", name, "up"]);
    await waitForLink(node.namespace, "eth1", "state UP");
  }
});

afterEach(async () => {
  await stopAppliances();
  await network.close();
  folder.remove();
});

interface Programs {
  /** For single states of the group. */
  readonly own: string;
  /** For all states of the group. */
  readonly any: string;
  /** For all states of a member. */
  readonly member: string;
  readonly fifo: string;
}

/** Each program writes its arguments. */
function programs(node: string): Programs {
  const write = (word: string): string =>
    folder.script(`${node}-${word}`, `echo "${word} $*" >>${folder.file(`${node}.log`)}`);
  return { own: write("own"), any: write("any"), member: write("member"), fifo: folder.file(`${node}.fifo`) };
}

function keepalivedFile(): string {
  const { own, any, member, fifo } = programs("k");
  const instance = (name: string, device: string, id: number, priority: number, vip: string): string => `
vrrp_instance ${name} {
  state BACKUP
  interface ${device}
  virtual_router_id ${id}
  priority ${priority}
  advert_int 0.1
  virtual_ipaddress { ${vip}/24 }
  notify "${member}"
}
`;
  return `global_defs {
  router_id k
  script_user root
  enable_script_security
  vrrp_version 3
  vrrp_notify_fifo ${fifo}
}
vrrp_sync_group G {
  group {
    A
    B
  }
  notify_master "${own} m"
  notify_backup "${own} b"
  notify_fault "${own} f"
  notify_stop "${own} s"
  notify "${any} x"
}
${instance("A", "eth0", 51, 150, "192.0.2.10")}${instance("B", "eth1", 52, 140, "198.51.100.10")}`;
}

function ballastFile(): string {
  const { own, any, member, fifo } = programs("b");
  const instance = (name: string, device: string, id: number, priority: number, vip: string): string => `
[vrrp.${name}]
interface = "${device}"
virtual_router_id = ${id}
priority = ${priority}
version = 3
advert_interval = "100ms"
addresses = ["${vip}/24"]
notify = { any = "${member}", fifo = "${fifo}", user = "root" }
`;
  return `${instance("A", "eth0", 53, 150, "192.0.2.20")}${instance("B", "eth1", 54, 140, "198.51.100.20")}
[vrrp_group.G]
members = ["A", "B"]
[vrrp_group.G.notify]
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

/** Master, one member's cable out and in again, master, stop; answers what the programs and the pipe were told. */
async function live(node: "k" | "b", started: TestProcess): Promise<Told> {
  const inside = network.node(node);
  const reader = inside.start(["timeout", "40", "cat", folder.file(`${node}.fifo`)]);
  const lines = (): readonly string[] => reader.stdout().split("\n").slice(0, -1);
  const logged = (): readonly string[] => folder.read(`${node}.log`).split("\n").slice(0, -1);
  // Three lines in the pipe for each change, four programs: two for the group, one for each member.
  const until = (count: number): Promise<unknown> =>
    waitFor(`${count} changes of ${node}`, () => lines().length >= 3 * count && logged().length >= 4 * count);
  await until(2);
  await inside.run(["ip", "link", "set", "cable1", "down"]);
  await until(3);
  await inside.run(["ip", "link", "set", "cable1", "up"]);
  await until(5);
  started.signal("SIGTERM");
  await until(6);
  await started.exited;
  await reader.stop();
  const log = logged();
  const only = (word: string): readonly string[] => log.filter((line) => line.startsWith(`${word} `));
  return { fifo: lines(), own: only("own"), any: only("any") };
}

/** The lines of one change: those of the members may come in either order. */
function changes(fifo: readonly string[]): readonly (readonly string[])[] {
  const sorted: string[][] = [];
  for (let i = 0; i < fifo.length; i += 3) sorted.push([...fifo.slice(i, i + 2).sort(), ...fifo.slice(i + 2, i + 3)]);
  return sorted;
}

describe.skipIf(!isPossible)("beside keepalived", () => {
  test(
    "a group's hooks and the pipe are told the same, with the same arguments, after its members",
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

      expect(ours.own).toEqual(theirs.own);
      expect(ours.any).toEqual(theirs.any);
      // Only at its start keepalived tells of the group first: it knows already what its members will be.
      expect(theirs.fifo.slice(0, 3)).toEqual([
        'GROUP "G" BACKUP 0',
        'INSTANCE "A" BACKUP 150',
        'INSTANCE "B" BACKUP 140',
      ]);
      const [start, ...after] = changes(ours.fifo);
      expect(start).toEqual(['INSTANCE "A" BACKUP 150', 'INSTANCE "B" BACKUP 140', 'GROUP "G" BACKUP 0']);
      expect(after).toEqual(changes(theirs.fifo).slice(1));
      expect(theirs.any.map((line) => line.split(" ").slice(2).join(" "))).toEqual(
        ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "STOP"].map((state) => `GROUP G ${state} 0`),
      );
    },
    TEST_MS,
  );
});
