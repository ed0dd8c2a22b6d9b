import ringmail

peer = ringmail.peer()
values = []


@peer.on("mean.Sample")
def sample(message):
    values.append(message.value)


@peer.on("mean.Get")
def get(message):
    return peer.new("mean.Mean", samples=len(values), value=sum(values) / max(len(values), 1))


peer.run()
