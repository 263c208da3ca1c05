// Receives mail with smtp-server into Maildirs. What listens where and who is known is in the one argument, as JSON.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { SMTPServer } = require("smtp-server");

const given = JSON.parse(process.argv[2]);
let count = 0;

// Stores what is for one of the mailboxes; a Received field tells the client and what was asked for.
const common = {
  name: "mx.smtp-server.example",
  key: fs.readFileSync(given.key),
  cert: fs.readFileSync(given.certificate),
  authMethods: ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"],
  authOptional: true,
  hideENHANCEDSTATUSCODES: false,
  hideDSN: false,
  hideREQUIRETLS: false,
  disableReverseLookup: true,
  size: given.large,
  rejectOversized: true,
  logger: false,
  onAuth(auth, _session, answer) {
    const right = auth.method === "XCLIENT" ? true // whoever may say that is believed
      : auth.method === "XOAUTH2" ? auth.accessToken === given.token
      : auth.method === "CRAM-MD5" ? auth.validatePassword(given.password)
      : auth.password === given.password;
    answer(null, right && auth.username === given.user ? { user: auth.username } : {});
  },
  onRcptTo(recipient, _session, answer) {
    const at = recipient.address.lastIndexOf("@");
    const known = recipient.address.slice(at + 1) === given.domain
      && given.mailboxes.includes(recipient.address.slice(0, at));
    answer(known ? null : refusal(550, "no such mailbox"));
  },
  onData(stream, session, answer) {
    const octets = [];
    stream.on("data", (some) => octets.push(some));
    stream.on("end", () => {
      if (stream.sizeExceeded) {
        answer(refusal(552, "too large"));
        return;
      }
      store(session, Buffer.concat(octets));
      answer(null, "stored");
    });
  },
};

function refusal(code, text) {
  const error = new Error(text);
  error.responseCode = code;
  return error;
}

function store(session, content) {
  const wishes = JSON.stringify({ requireTLS: session.envelope.requireTLS, ...session.envelope.dsn });
  const field = `Received: from ${session.hostNameAppearsAs} (${session.clientHostname} [${session.remoteAddress}])`
    + ` by smtp-server with ${session.transmissionType}; ${wishes}\r\n`;
  for (const { address } of session.envelope.rcptTo) {
    const folder = path.join(given.mail, address, "new");
    fs.mkdirSync(folder, { recursive: true });
    const name = `${count++}`;
    fs.writeFileSync(path.join(given.mail, address, name), Buffer.concat([Buffer.from(field), content]));
    fs.renameSync(path.join(given.mail, address, name), path.join(folder, name));
  }
}

const differences = {
  all: {},
  bare: {
    size: 0, hidePIPELINING: true, hide8BITMIME: true, hideSMTPUTF8: true, hideENHANCEDSTATUSCODES: true,
    hideDSN: true, hideSTARTTLS: true,
  },
  implicit: { secure: true },
  small: { size: given.limit },
  few: { maxRecipients: given.few },
  trusting: { useXClient: true, useXForward: true },
  proxied: { useProxy: true },
  lmtp: { lmtp: true },
};
const started = Object.entries(differences).map(([name, different]) => new Promise((resolve) => {
  const server = new SMTPServer({ ...common, ...different });
  server.on("error", () => {}); // of one client
  server.listen(given.ports[name], "127.0.0.1", resolve);
}));
Promise.all(started).then(() => process.stdout.write("ready\n"));
