import os

import ringmail

peer = ringmail.peer()


@peer.on("greeting.Hello")
def hello(message):
    # A message that its reader dies of is given to the next one, which is told when it is not the first to try.
    if message.name == "trouble" and peer.attempt == 0:
        os._exit(1)
    return peer.new("greeting.Reply", text=f"Hello {message.name}, from Python")


peer.run()
