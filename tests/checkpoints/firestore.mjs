// Firestore's emulator from npm: `node firestore.mjs FOLDER PORT`, on the loopback only.
// It ends when its standard input does.
//
// By itself the emulator takes transactions for no more than requests, and stores what comes before
// the write that it refuses. Here one transaction waits for the other, and a commit is refused as a
// whole, as Firestore's are.
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";

const [folder, port] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { Server, status } = require("@grpc/grpc-js");
const { FirestoreServer } = require("@firestore-emulator/server");

const PATIENCE = 1000; // milliseconds that a transaction may last: its client may be dead
const ends = new Map();
let last = Promise.resolve();

const name = (transaction) => Buffer.from(transaction ?? []).toString("hex");

function end(transaction) {
  ends.get(name(transaction))?.();
  ends.delete(name(transaction));
}

function isTaken(write) {
  const isCreation = write.has_current_document && write.current_document.exists === false;
  return isCreation && emulator.state.getDocument(write.update.name).metadata.hasExist;
}

function begin(service, call, callback) {
  const before = last;
  const transaction = randomBytes(8);
  last = new Promise((resolve) => ends.set(name(transaction), resolve));
  before.then(() => {
    setTimeout(() => end(transaction), PATIENCE).unref();
    service.call(this, call, (error, answer) => {
      if (answer) answer.transaction = transaction;
      callback(error, answer);
    });
  });
}

function commit(service, call, callback) {
  const { transaction, writes } = call.request;
  if (transaction?.length && !ends.has(name(transaction))) {
    callback({ code: status.ABORTED, message: "the transaction took too long" }, null);
  } else if (writes.some(isTaken)) {
    callback({ code: status.ALREADY_EXISTS, message: "a document exists" }, null);
  } else {
    service.call(this, call, callback);
  }
  end(transaction);
}

function rollback(service, call, callback) {
  end(call.request.transaction);
  service.call(this, call, callback);
}

const { addService, bindAsync } = Server.prototype;
Server.prototype.addService = function (definition, service) {
  const wrapped = { BeginTransaction: begin, Commit: commit, Rollback: rollback };
  for (const [method, wrap] of Object.entries(wrapped)) {
    const original = service[method];
    service[method] = (call, callback) => wrap.call(service, original, call, callback);
  }
  return addService.call(this, definition, service);
};
// The emulator would listen on every interface.
Server.prototype.bindAsync = function (address, ...rest) {
  return bindAsync.call(this, address.replace("0.0.0.0", "127.0.0.1"), ...rest);
};

const emulator = new FirestoreServer();
await emulator.start(Number(port));
process.stdin.resume().on("end", () => process.exit());
console.log("ready");
