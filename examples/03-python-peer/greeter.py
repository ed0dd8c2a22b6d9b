import os

import ringmail

peer = ringmail.peer()


@peer.on("greeting.Hello")
def hello(message):
    # What it dies of is given to its successor, which is told that it is not the first to try.
    if message.name == "trouble" and peer.attempt == 0:
        os._exit(1)
    return peer.new("greeting.Reply", text=f"Hello {message.name}, from Python")


peer.run()
