# Outlives its host, and sends whatever it is sent to the actor named "sink of echoes", in order.
import ringmail

peer = ringmail.peer()
sink = peer.mailbox("sink of echoes", timeout=None)


@peer.on("echo.Ping")
def ping(message):
    sink.send(peer.new("echo.Ping", number=message.number))


peer.run()
