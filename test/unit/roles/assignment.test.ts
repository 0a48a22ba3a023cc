import { expect, test } from "bun:test";
import { parseConfig } from "../../../src/config/parse.ts";
import { roleNames, type RoleName } from "../../../src/ipc/messages.ts";
import { assignmentFor, type Running } from "../../../src/roles/assignment.ts";
import { nextToStop } from "../../../src/roles/stop-order.ts";
import { roleTable } from "../../../src/roles/table.ts";
import { testEnvironment } from "../config/test-environment.ts";

const text = `[defaults]
mode = "tcp"
[frontend.f]
bind = ["127.0.0.1:8080"]
default_backend = "b"
[backend.b]
servers = ["127.0.0.1:81"]
[vrrp.v]
interface = "eth0"
virtual_router_id = 1
addresses = ["192.0.2.10"]
auth = { password = "vrrpkey" }
[alerts]
webhook = { url = "https://hooks.example.com/hookkey", token = "tokenkey" }
email = { from = "a@example.com", to = ["b@example.com"], server = "smtp.example.com", user = "u", password = "mailkey" }
`;

function running(): Running {
  const { config, masked, issues } = parseConfig(text, testEnvironment());
  if (config === null) throw new Error(issues.map(({ message }) => message).join("\n"));
  return { generation: 1, config, objects: {}, tls: {}, counters: "", configText: masked } as unknown as Running;
}

function told(role: RoleName): string {
  return JSON.stringify(assignmentFor(role, 0, running(), []));
}

test("assignmentFor gives each secret to the role that uses it and to no other", () => {
  const owners: Readonly<Record<string, RoleName>> = {
    vrrpkey: "vrrp",
    hookkey: "notify",
    tokenkey: "notify",
    mailkey: "notify",
  };
  for (const [secret, owner] of Object.entries(owners)) {
    expect([secret, roleNames.filter((role) => told(role).includes(secret))]).toEqual([secret, [owner]]);
  }
});

test("assignmentFor tells notify nothing but its own section", () => {
  const { config } = assignmentFor("notify", 0, running(), []);
  expect([config.frontends, config.backends, config.vrrp]).toEqual([[], [], []]);
  expect(config.alerts?.email?.host).toBe("smtp.example.com");
});

test("roleTable runs notify only where alerts are configured", () => {
  const { config } = running();
  expect(roleTable.notify.processes(config)).toBe(1);
  expect(roleTable.notify.processes(assignmentFor("vrrp", 0, running(), []).config)).toBe(0);
  expect(roleTable.notify.keep(config)).toEqual([]);
});

test("nextToStop lets notify tell of the others' end, and admin show its", () => {
  expect(nextToStop(new Set(["admin", "notify", "director"]), 1000)?.role).toBe("director");
  expect(nextToStop(new Set(["admin", "notify"]), 1000)?.role).toBe("notify");
  expect(nextToStop(new Set(["admin"]), 1000)?.role).toBe("admin");
});
