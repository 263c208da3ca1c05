// nodemailer's smtp-server, dropping each message: PORT, and a certificate and key for TLS from the first octet.
"use strict";

const fs = require("node:fs");
const { SMTPServer } = require("smtp-server");

const [port, cert, key] = process.argv.slice(2);
const tls = cert
    ? { secure: true, cert: fs.readFileSync(cert), key: fs.readFileSync(key) }
    : { hideSTARTTLS: true };
const server = new SMTPServer({
    authOptional: true,
    // It would ask DNS for the name of every client.
    disableReverseLookup: true,
    ...tls,
    onData(stream, _session, callback) {
        stream.on("end", () => callback());
        stream.resume();
    },
});
server.on("error", () => {});
server.listen(Number(port), "127.0.0.1");
