// Sends a message with nodemailer. What and where to is in the one argument, as JSON; what is said goes to
// stdout, and the exit code says whether the message was taken.
"use strict";

const fs = require("node:fs");
const net = require("node:net");
const nodemailer = require("nodemailer");

const given = JSON.parse(process.argv[2]);
const options = {
  name: given.hello,
  lmtp: given.lmtp,
  secure: given.tls === "implicit",
  requireTLS: given.tls === "starttls",
  ignoreTLS: given.tls === null,
  debug: true,
  transactionLog: true,
  logger: logger(),
};
if (typeof given.port === "string") {
  options.connection = net.connect(given.port);
} else {
  options.host = "127.0.0.1";
  options.port = given.port;
}
if (given.tls) {
  options.tls = { ca: fs.readFileSync(given.ca) };
}
if (given.auth === "XOAUTH2") {
  options.auth = { type: "OAuth2", user: given.user, accessToken: given.password };
} else if (given.auth) {
  options.auth = { user: given.user, pass: given.password };
  options.authMethod = given.auth;
}

// Each line of the session, and nothing of what nodemailer thinks of it.
function logger() {
  const say = (entry, text, ...values) => {
    if (entry.tnx === "server" || entry.tnx === "client") {
      process.stdout.write(`${entry.tnx === "server" ? "S" : "C"}: ${String(values.length ? values[0] : text).slice(0, 300)}\n`);
    }
  };
  return { level() {}, trace: say, debug: say, info: say, warn: say, error: say, fatal: say };
}

nodemailer.createTransport(options)
  .sendMail({ envelope: { from: given.sender, to: given.to }, raw: fs.readFileSync(given.message) })
  .then((sent) => {
    process.stdout.write(`taken: ${sent.accepted}; refused: ${sent.rejected}; ${sent.response}\n`);
  }, (error) => {
    process.stdout.write(`${error.code}: ${error.message}\n`);
    process.exitCode = 1;
  });
