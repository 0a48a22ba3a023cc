/** Interfaces that the configuration names and the machine does not have. */
import { expect, test } from "bun:test";
import { parseConfig } from "../../../src/config/parse.ts";
import { testEnvironment } from "./test-environment.ts";

const text = `[vrrp.a]
interface = "etho"
virtual_router_id = 51
version = 3
addresses = ["192.0.2.10/24", { address = "192.0.2.11/24", dev = "eth3" }]
heartbeat = { interface = "eth4" }
track = [{ interface = "eth5" }]
[vrrp.b]
interface = "eth1"
virtual_router_id = 52
use_vmac = true
addresses = ["192.0.2.12/24"]
track = [{ interface = "vrrp.52" }]
`;

test("lintInterfaces says what there is", () => {
  const [issue] = parseConfig(text, testEnvironment({ interfaces: ["lo", "eth0"] })).issues;
  expect(issue?.help).toBe("it has lo, eth0");
});

function warnings(interfaces?: readonly string[]): readonly string[] {
  const environment = { ...testEnvironment(), ...(interfaces === undefined ? {} : { interfaces }) };
  return parseConfig(text, environment).issues.map(({ path, message }) => `${path}: ${message}`);
}

test("lintInterfaces names each interface that is missing, and what follows", () => {
  expect(warnings(["lo", "eth0", "eth1"])).toEqual([
    "vrrp.a.interface: this machine has no interface etho: the instance is in fault until it appears",
    "vrrp.a.addresses[1].dev: this machine has no interface eth3: the instance is in fault until it appears",
    "vrrp.a.heartbeat.interface: this machine has no interface eth4: there is no second path",
    "vrrp.a.track[0].interface: this machine has no interface eth5: this track is not well",
  ]);
});

test("lintInterfaces says nothing where the interfaces are not known, and nothing of one that Ballast makes", () => {
  expect(warnings()).toEqual([]);
  expect(warnings(["etho", "eth1", "eth3", "eth4", "eth5"])).toEqual([]);
});
