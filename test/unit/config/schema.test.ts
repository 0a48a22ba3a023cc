import { expect, test } from "bun:test";
import { documentTable, schemaRows } from "../../../src/config/schema.ts";
import { IssueSink } from "../../../src/config/schema-issue.ts";

test("every default of the schema is a value that its own type takes", () => {
  for (const section of documentTable.sections) {
    for (const [key, row] of Object.entries(section.rows)) {
      if (row.default === undefined) continue;
      const sink = new IssueSink();
      row.type.decode(row.default, [section.name, key], sink);
      expect([section.name, key, sink.drafts]).toEqual([section.name, key, []]);
    }
  }
});

test("every row of the schema says what it is, and has its default in one form only", () => {
  for (const section of documentTable.sections) {
    for (const [key, row] of Object.entries(section.rows)) {
      expect([section.name, key, row.doc === "" || row.type.words === ""]).toEqual([section.name, key, false]);
      expect([section.name, key, row.default !== undefined && row.defaultWords !== undefined]).toEqual([
        section.name,
        key,
        false,
      ]);
    }
  }
});

/** Section and keys as the specification of the language names them. */
const specified: Readonly<Record<string, string>> = {
  "": "include global admin defaults frontend backend listen vrrp vrrp_script vrrp_group virtual_server ipvs realserver alerts",
  global: "node user group workers maxconn log hard_stop_after spread_checks pidfile",
  log: "target facility level format",
  admin: "socket haproxy_socket metrics",
  defaults: "mode maxconn timeouts options retries",
  timeouts: "connect client server check http_request http_keep_alive queue tunnel client_fin",
  frontend: "bind default_backend monitor_uri monitor_fail stats acl rules",
  bind: "address tls accept_proxy",
  tls: "certificates alpn min_version client_ca verify",
  rules:
    "when redirect deny use_backend set_header add_header del_header set_path set_query return tarpit track set_var",
  redirect: "scheme location prefix code",
  backend: "balance hash_type cookie check servers rules",
  servers: "name address weight maxconn cookie slowstart backup check tls send_proxy",
  check: "http host expect interval rise fall tcp ping smtp mysql redis pgsql script dns tls",
  listen: "bind mode balance servers",
  vrrp: "interface virtual_router_id priority addresses excluded_addresses version advert_interval state preempt preempt_delay auth unicast multicast_source use_vmac accept garp track notify",
  "vrrp.addresses": "address dev label scope broadcast",
  "vrrp.track": "proxy script weight interface process file",
  "vrrp.garp": "delay repeat refresh lower_priority_repeat",
  vrrp_script: "command interval timeout rise fall user",
  vrrp_group: "members",
  virtual_server:
    "address addresses fwmark protocol scheduler forward persistence persistence_netmask quorum hysteresis sorry_server inhibit_on_failure alpha omega ha_suspend check real_servers notify",
  ipvs: "sync timeouts",
  realserver: "vips interface",
  alerts: "email webhook events",
};

test.each(Object.entries(specified))("schemaRows has every key of section %j", (section, keys) => {
  const known = schemaRows().flatMap((row) => (row.section === section ? [row.key] : []));
  for (const key of keys.split(" ")) expect(known).toContain(key);
});

test("schemaRows says which value of accept_proxy is not supported yet", () => {
  const found = schemaRows().find(({ section, key }) => section === "bind" && key === "accept_proxy");
  expect(found?.doc).toContain("true is not supported yet");
});
