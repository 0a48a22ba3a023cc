/** `ballast check`: the certificates that the binds name, read and built as the workers will. */
import { fileIssue, type ConfigIssue } from "../config/issue.ts";
import type { Config } from "../config/types.ts";
import { buildTlsListener } from "../proxy/shell/certificates.ts";
import { wallNow } from "../sys/clock.ts";
import { currentUid } from "../sys/process.ts";
import { readTlsMaterials } from "./tls-material.ts";

/** Issues of the file as a whole. What only root may read is a warning for everybody else. */
export function checkCertificates(path: string, config: Config): readonly ConfigIssue[] {
  const { byBind, reasons, forbidden } = readTlsMaterials(config);
  const issues = reasons.map((text) => fileIssue(path, text));
  if (forbidden.length > 0 && currentUid() !== 0) {
    issues.push(...forbidden.map((text) => warning(path, `${text}; not checked, as the daemon may be root`)));
  } else issues.push(...forbidden.map((text) => fileIssue(path, text)));
  for (const frontend of config.frontends) {
    for (const bind of frontend.binds) {
      const materials = byBind[bind.key] ?? [];
      if (bind.tls === null || materials.length === 0) continue;
      const built = buildTlsListener(bind.tls, materials, bind.path, frontend.mode === "http");
      if (!built.ok) issues.push(...built.error.map((text) => fileIssue(path, text)));
      else {
        const expired = built.value.certificates.filter(({ validToWallMs }) => validToWallMs < wallNow());
        issues.push(
          ...expired.map((certificate) =>
            warning(path, `${certificate.path}: expired on ${new Date(certificate.validToWallMs).toISOString()}`),
          ),
        );
      }
    }
  }
  return issues;
}

function warning(path: string, text: string): ConfigIssue {
  return { ...fileIssue(path, text), severity: "warning" };
}
