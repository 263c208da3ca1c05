// A plugin for Haraka that knows our mailboxes and stores what is for them in Maildirs.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { PassThrough } = require("node:stream");

let count = 0;

exports.register = function () {
  this.given = this.config.get("mailboxes.json");
};

exports.hook_rcpt = function (next, _connection, [recipient]) {
  const { domain, mailboxes } = this.given;
  const [user, host] = recipient.address.split(/@(?=[^@]*$)/);
  if (host === domain && mailboxes.includes(user)) {
    next(OK);
  } else {
    next(DENY, "no such mailbox");
  }
};

exports.hook_queue = store;
exports.hook_queue_outbound = store; // from who has logged in

function store(next, connection) {
  const { message_stream: content, rcpt_to: recipients } = connection.transaction;
  const octets = [];
  const through = new PassThrough();
  through.on("data", (some) => octets.push(some));
  through.on("end", () => {
    for (const recipient of recipients) {
      const box = path.join(this.given.mail, recipient.address);
      fs.mkdirSync(path.join(box, "new"), { recursive: true });
      const name = `${process.pid}-${count++}`;
      fs.writeFileSync(path.join(box, name), Buffer.concat(octets));
      fs.renameSync(path.join(box, name), path.join(box, "new", name));
    }
    next(OK, "stored");
  });
  content.pipe(through);
}
