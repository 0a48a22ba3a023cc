/** The SMTP check on a connection. */
import type { SocketAddress } from "../../config/types-proxy.ts";
import { E, errnoText } from "../../sys/errno.ts";
import type { Loop } from "../../sys/loop.ts";
import { connectionProblem, invalidResponse, L7_TIMEOUT, type ProbeResult } from "../result.ts";
import { type SmtpStage, smtpStep } from "../smtp-talk.ts";
import { ProbeSocket, receiveScratch, type RunningProbe } from "./probe-socket.ts";

const QUIT = "QUIT\r\n";

/** timeoutMs: until the connection stands, and from then until the talk has ended. */
export function startSmtpProbe(
  loop: Loop,
  target: SocketAddress,
  helo: string,
  timeoutMs: number,
  done: (result: ProbeResult) => void,
): RunningProbe {
  let stage: SmtpStage = "greeting";
  let text = "";

  const say = (socket: ProbeSocket, words: string): void => {
    const sent = socket.send(new TextEncoder().encode(words));
    if (sent < 0) socket.result(connectionProblem(errnoText(sent)));
  };

  const readable = (socket: ProbeSocket): void => {
    const received = socket.receive();
    if (received === -E.AGAIN || received === -E.INTR) return;
    if (received <= 0) {
      const reason = received === 0 ? "the connection ended" : errnoText(received);
      socket.result(invalidResponse(reason));
      return;
    }
    text += new TextDecoder("latin1").decode(receiveScratch.bytes.subarray(0, received));
    const step = smtpStep(stage, text, helo);
    if (step.kind === "more") return;
    text = "";
    if (step.kind === "send") {
      stage = step.next;
      say(socket, step.text);
      return;
    }
    // A polite end keeps the server's log quiet; the answer is not awaited.
    say(socket, QUIT);
    socket.result(step.result);
  };

  const connected = (socket: ProbeSocket): void => socket.deadline(timeoutMs, L7_TIMEOUT);
  const socket = new ProbeSocket(loop, target, { connected, readable }, done);
  socket.open(timeoutMs);
  return socket;
}
