"""A program that publishes with pyzmq and knows of nobody: topic and JSON, 20 times a second."""

import json
import sys
import time

import zmq

publisher = zmq.Context.instance().socket(zmq.PUB)
publisher.bind(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:*")
print("publishing at", publisher.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)

reading = 0
while True:
    publisher.send_multipart([b"power_mw", json.dumps(reading * 0.5).encode()])
    publisher.send_multipart([b"shutter", json.dumps("open").encode()])
    reading += 1
    time.sleep(0.05)
