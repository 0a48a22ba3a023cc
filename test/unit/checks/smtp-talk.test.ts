import { expect, test } from "bun:test";
import { SMTP_BYTES_MAX, smtpStep } from "../../../src/checks/smtp-talk.ts";

test("smtpStep waits for whole replies, however they arrive", () => {
  const reply = "220-mail.example.com\r\n220 ready\r\n";
  for (let end = 0; end < reply.length; end++) {
    expect([end, smtpStep("greeting", reply.slice(0, end), "lb").kind]).toEqual([end, "more"]);
  }
  expect(smtpStep("greeting", reply, "lb")).toEqual({ kind: "send", text: "HELO lb\r\n", next: "helo" });
});

test.each([
  ["greeting", "421 busy\r\n", false, "SMTP 421 to greeting"],
  ["helo", "550 no\r\n", false, "SMTP 550 to helo"],
  ["helo", "250 hello\r\n", true, "SMTP 250"],
  ["greeting", "HTTP/1.1 400 Bad Request\r\n", false, "Layer7 invalid response: not an SMTP reply"],
  ["greeting", "220-".repeat(SMTP_BYTES_MAX / 4), false, "Layer7 invalid response: reply too long"],
] as const)("smtpStep ends in stage %s with %j", (stage, text, passed, info) => {
  const step = smtpStep(stage, text, "lb");
  expect(step.kind === "end" && step.result.kind === "checked" && [step.result.passed, step.result.info]).toEqual([
    passed,
    info,
  ]);
});
