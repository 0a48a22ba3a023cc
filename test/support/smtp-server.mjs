/**
 * A mail server for tests, on Node and its TLS: another implementation than the product's. One line of JSON per thing
 * that happens: {"port"} when it listens, {"command"} for each command, {"mail"} for each message taken.
 *
 *   node test/support/smtp-server.mjs '{"key": PEM, "cert": PEM, "tls": "starttls", …}'
 *
 * tls: "starttls", "implicit" or "none". user, password: AUTH is wanted. replies: {"RCPT": ["451 later", "250 ok"]},
 * answers to a command in turn, the last one for ever. silentAfter: a command that is not answered. delayMs: before each answer.
 */
import net from "node:net";
import tls from "node:tls";

const options = JSON.parse(process.argv[2]);
const secureContext = options.cert ? tls.createSecureContext({ key: options.key, cert: options.cert }) : null;
const counts = {};

function say(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function answerOf(verb, usual) {
  const replies = options.replies?.[verb];
  if (!replies) return usual;
  counts[verb] = (counts[verb] ?? 0) + 1;
  return replies[Math.min(counts[verb], replies.length) - 1];
}

function isRight(user, password) {
  return user === options.user && password === options.password;
}

function serve(socket, isSecure) {
  const session = { isSecure, from: null, to: [], isData: false, auth: null, user: "", text: "", isIn: false };
  const write = (line) => socket.write(`${line}\r\n`);
  const send = (line) => (options.delayMs ? setTimeout(write, options.delayMs, line) : write(line));
  let pending = "";
  const onData = (bytes) => {
    pending += bytes.toString("latin1");
    for (let end = pending.indexOf("\r\n"); end >= 0; end = pending.indexOf("\r\n")) {
      const line = pending.slice(0, end);
      pending = pending.slice(end + 2);
      if (take(line) === "upgrade") return;
    }
  };
  const take = (line) => {
    if (session.isData) return takeData(line);
    if (session.auth === "LOGIN") return takeLogin(line);
    const [verb = "", ...rest] = line.split(" ");
    const command = verb.toUpperCase();
    say({ command: line, secure: session.isSecure });
    if (command === options.silentAfter) return;
    switch (command) {
      case "EHLO": {
        const extensions = ["SIZE 1000000"];
        if (options.tls === "starttls" && !session.isSecure) extensions.push("STARTTLS");
        if (options.user && (session.isSecure || options.tls === "none")) extensions.push("AUTH PLAIN LOGIN");
        const lines = ["test", ...extensions];
        return lines.forEach((text, i) => send(`250${i === lines.length - 1 ? " " : "-"}${text}`));
      }
      case "STARTTLS": {
        send("220 go");
        socket.removeListener("data", onData);
        const secure = new tls.TLSSocket(socket, { isServer: true, secureContext });
        secure.on("error", () => socket.destroy());
        serve(secure, true);
        return "upgrade";
      }
      case "AUTH":
        if (rest[0]?.toUpperCase() === "LOGIN") {
          session.auth = "LOGIN";
          return send("334 VXNlcm5hbWU6");
        } else {
          const [, user, password] = Buffer.from(rest[1] ?? "", "base64")
            .toString()
            .split("\0");
          session.isIn = isRight(user, password);
        }
        return send(session.isIn ? "235 in" : "535 5.7.8 wrong user or password");
      case "MAIL":
        if (options.user && !session.isIn) return send("530 5.7.0 log in first");
        session.from = line;
        return send(answerOf("MAIL", "250 ok"));
      case "RCPT": {
        const answer = answerOf("RCPT", "250 ok");
        if (answer.startsWith("2")) session.to.push(/<([^>]*)>/.exec(line)?.[1]);
        return send(answer);
      }
      case "DATA":
        session.isData = true;
        return send("354 go on");
      case "QUIT":
        send("221 bye");
        return socket.end();
      default:
        return send("250 ok");
    }
  };
  const takeLogin = (line) => {
    const text = Buffer.from(line, "base64").toString();
    if (session.user === "") {
      session.user = text;
      return send("334 UGFzc3dvcmQ6");
    }
    session.auth = null;
    session.isIn = isRight(session.user, text);
    return send(session.isIn ? "235 in" : "535 5.7.8 wrong user or password");
  };
  const takeData = (line) => {
    if (line !== ".") {
      session.text += `${line.startsWith("..") ? line.slice(1) : line}\n`;
      return;
    }
    session.isData = false;
    const answer = answerOf("DATA", "250 taken");
    if (answer.startsWith("2")) say({ mail: { to: session.to, text: session.text, secure: session.isSecure } });
    session.text = "";
    session.to = [];
    send(answer);
  };
  socket.on("data", onData);
  socket.on("error", () => socket.destroy());
  if (!(isSecure && options.tls === "starttls")) send(answerOf("CONNECT", "220 test ESMTP"));
}

const server =
  options.tls === "implicit"
    ? tls.createServer({ key: options.key, cert: options.cert }, (socket) => serve(socket, true))
    : net.createServer((socket) => serve(socket, false));
server.listen(options.port ?? 0, "127.0.0.1", () => say({ port: server.address().port }));
