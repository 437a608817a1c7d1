"""Calls a server with pyzmq alone: a header of 34 bytes and a body in JSON."""
import json, secrets, struct, sys
import zmq


class Server:
    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)
        self.epoch, self.number = 0, 0  # not greeted yet
        client = {"id": [secrets.randbits(64), secrets.randbits(64)], "name": "call.py",
                  "user": "alice", "host": "here", "pid": 0}
        self.epoch = self.call("router.hello", protocol_version=1, client=client, socket="calls")["epoch"]

    def call(self, target, *args, deadline_s=5.0, **kwargs):
        self.number += 1
        name = target.encode()
        # request, no flags, JSON, reserved; lease, epoch, call number, time left [us], length of the name
        header = struct.pack("<BBBBIQQQH", 1, 0, 2, 0, 0, self.epoch, self.number, int(deadline_s * 1e6), len(name))
        self.socket.send(header + name + json.dumps([args, kwargs]).encode())
        while self.socket.poll(deadline_s * 1000 + 1000):
            answer = b"".join(self.socket.recv_multipart())  # a long body has a frame of its own
            kind, _, _, status, _, _, number = struct.unpack_from("<BBBBIQQ", answer)
            body = json.loads(answer[24:])
            if number != self.number:
                continue  # an answer that came too late
            if kind == 130:
                print(f"{100 * body['fraction']:.0f} % {body['message']}")
            elif status == 0:
                return body
            else:
                raise RuntimeError(body)
        raise TimeoutError(f"{target}: no answer")


server = Server(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555")
print("1 + 2.5 =", server.call("add", 1, 2.5))
print("moved to", server.call("stage.move_to", target_um=1500), "um")
try:
    server.call("stage.move_to", -1)
except RuntimeError as error:
    print(error)
