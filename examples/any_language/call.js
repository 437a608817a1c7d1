// Calls a server with the package `zeromq` (6) alone: a header of 34 bytes and a body in JSON.
const crypto = require("crypto");
const zmq = require("zeromq");

class Server {
  constructor(endpoint) {
    this.socket = new zmq.Dealer({ linger: 0, receiveTimeout: 6000 });
    this.socket.connect(endpoint);
    this.epoch = 0n; // not greeted yet
    this.number = 0n;
  }

  async greet() {
    const id = [crypto.randomInt(2 ** 47), crypto.randomInt(2 ** 47)];
    const client = { id, name: "call.js", user: "alice", host: "here", pid: process.pid };
    await this.call("router.hello", [], { protocol_version: 1, client, socket: "calls" });
    // The header has all 64 bits of the epoch; a number in JSON has 53 here.
    this.epoch = this.greetedBy;
  }

  async call(target, args = [], kwargs = {}, deadline_s = 5) {
    this.number += 1n;
    const name = Buffer.from(target);
    const header = Buffer.alloc(34);
    header.writeUInt8(1, 0); // a request
    header.writeUInt8(2, 2); // in JSON
    header.writeBigUInt64LE(this.epoch, 8);
    header.writeBigUInt64LE(this.number, 16);
    header.writeBigUInt64LE(BigInt(deadline_s * 1e6), 24); // time left [us]
    header.writeUInt16LE(name.length, 32);
    await this.socket.send(Buffer.concat([header, name, Buffer.from(JSON.stringify([args, kwargs]))]));
    for (;;) {
      const answer = Buffer.concat(await this.socket.receive()); // a long body has a frame of its own
      if (answer.readBigUInt64LE(16) !== this.number) continue; // an answer that came too late
      const body = JSON.parse(answer.subarray(24));
      if (answer[0] === 130) {
        console.log(`${100 * body.fraction} % ${body.message}`);
      } else if (answer[3] === 0) {
        this.greetedBy = answer.readBigUInt64LE(8);
        return body;
      } else {
        throw new Error(JSON.stringify(body));
      }
    }
  }
}

async function main() {
  const server = new Server(process.argv[2] ?? "tcp://127.0.0.1:5555");
  await server.greet();
  console.log("1 + 2.5 =", await server.call("add", [1, 2.5]));
  console.log("moved to", await server.call("stage.move_to", [], { target_um: 1500 }), "um");
  await server.call("stage.move_to", [-1]).catch((error) => console.log(error.message));
  server.socket.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
