import { expect, test } from "bun:test";
import { systemdUnit } from "../../../src/realserver/unit.ts";

const lines = (unit: string): readonly string[] => unit.split("\n");

test("systemdUnit runs up with the addresses and down with what was saved", () => {
  const unit = lines(systemdUnit("/usr/bin/ballast", ["--vip", "192.0.2.10", "--vip", "2001:db8::10"]));
  expect(unit).toContain("ExecStart=/usr/bin/ballast realserver up --vip 192.0.2.10 --vip 2001:db8::10");
  expect(unit).toContain("ExecStop=/usr/bin/ballast realserver down");
});

test("systemdUnit quotes what systemd would read otherwise", () => {
  const unit = lines(systemdUnit('/opt/my "lb"/ballast', ["--interface", "100%"]));
  expect(unit).toContain('ExecStart="/opt/my \\"lb\\"/ballast" realserver up --interface "100%%"');
});
