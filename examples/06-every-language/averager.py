import ringmail

peer = ringmail.peer()
values = []


@peer.on("averaging.Sample")
def sample(message):
    values.append(message.value)


@peer.on("averaging.Get")
def get(message):
    return peer.new("averaging.Mean", samples=len(values), value=sum(values) / max(len(values), 1))


peer.run()
