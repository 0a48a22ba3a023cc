import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MASK, maskConfig } from "../../../src/config/mask.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { configDocument, configToml } from "../../../src/config/show.ts";
import type { Config } from "../../../src/config/types.ts";
import { testEnvironment } from "./test-environment.ts";

const root = join(import.meta.dir, "../../golden/config");
const files = ["good", "warned"].flatMap((folder) =>
  readdirSync(join(root, folder)).flatMap((name) => (name.endsWith(".toml") ? [`${folder}/${name}`] : [])),
);

function configOf(text: string): Config {
  const { config, issues } = parseConfig(text, testEnvironment());
  if (config === null) throw new Error(issues.map((issue) => `${issue.path}: ${issue.message}`).join("\n"));
  return config;
}

/** Where things stood in the file differs, what they are does not. */
function withoutPlaces(config: Config): unknown {
  return JSON.parse(
    JSON.stringify(config, (key, value: unknown) =>
      key === "path" && typeof value === "string" && !value.startsWith("/") ? undefined : value,
    ),
  );
}

test.each(files)("configToml of %s is a file that gives the same configuration", (name) => {
  const config = maskConfig(configOf(readFileSync(join(root, name), "utf8")));
  expect(withoutPlaces(configOf(configToml(config)))).toEqual(withoutPlaces(config));
});

test("configDocument never holds a secret", () => {
  const config = configOf(
    '[vrrp.v]\ninterface = "eth0"\nvirtual_router_id = 1\naddresses = ["10.0.0.1"]\nauth = { password = "geheim" }',
  );
  expect(config.vrrp[0].authPassword).toBe("geheim");
  expect(JSON.stringify(configDocument(config))).not.toContain("geheim");
  expect(maskConfig(config).vrrp[0].authPassword).toBe(MASK);
});

test("configDocument and maskConfig hold no secret of alerts, and say whom they are for", () => {
  const text = `[alerts]
email = { from = "a@example.com", to = ["b@example.com"], server = "smtp.example.com", user = "lb", password = "geheim" }
webhook = { url = "https://hooks.example.com/geheim", token = "geheim" }`;
  const config = configOf(text);
  expect(config.alerts?.webhook?.url).toBe("https://hooks.example.com/geheim");
  for (const shown of [configDocument(config), maskConfig(config), parseConfig(text, testEnvironment()).masked]) {
    expect(JSON.stringify(shown)).not.toContain("geheim");
  }
  expect(maskConfig(config).alerts?.webhook?.url).toBe(`https://hooks.example.com/${MASK}`);
});
