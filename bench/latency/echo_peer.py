"""The far end of python.rtt: answers each Ping. Its argument is the CPU that it runs on."""

import os
import sys

import ringmail

peer = ringmail.peer()
# Only now: who counts the CPUs that it may use and finds one does not spin.
os.sched_setaffinity(0, {int(sys.argv[1])})


@peer.on("echo.Ping")
def ping(message):
    return peer.new("echo.Pong", words=message.words)


peer.run()
